"""Requests of a site's backend, right ones and such as are nearly right.

The site and its key are the same in this process and in the service's sites.yml.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, quote_plus

from tests.delivery.http_fixtures import CREDENTIALS, FORM, JSON
from tests.fuzz.chance import Chance

MOST_LEVELS = 4
METHODS = ["POST"] * 8 + ["GET", "PUT", "OPTIONS", "HEAD", "DELETE", "post", "TRACE"]
TYPES = [JSON] * 3 + [FORM] * 3 + ["", "text/plain", "application/json; charset=utf-8"]
NAMES = [
    *("Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Expect"),
    *("Authorization", "X-Api-Key", "Idempotency-Key", "X-Forwarded-For", "Host", "Cookie"),
    *("Origin", "Range", "If-None-Match", "Accept", "Connection"),
]
VALUES = [
    *("", "0", "-1", "chunked", "gzip", "identity", "100-continue", "Bearer 54321", "54321"),
    *("application/json; charset*=bogus'en'x", "multipart/form-data; boundary=x", "keep-alive"),
    *("203.0.113.7, ::1", "[::1]:99999", "a=b; c", "9" * 30, "*", "k" * 257),
]
LINE_ENDS = str.maketrans("", "", "\r\n\0")


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def wire(self) -> bytes:
        """As it goes over a connection, its length told rightly unless its headers say else."""
        target = quote(self.path) + (f"?{self.query}" if self.query else "")
        headers = {"Host": "127.0.0.1", "Content-Length": str(len(self.body))} | self.headers
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"{self.method} {target} HTTP/1.1", *lines, "", ""])
        return head.encode("latin-1", "replace") + self.body


def json_request(chance: Chance) -> Request:
    body = to_json(chance, message(chance))
    path = chance.choice(["/send"] * 6 + ["/disconnect"])
    return _post(path, JSON, chance.mutate(body) if chance.is_lucky(0.7) else body)


def form_request(chance: Chance) -> Request:
    body = "&".join(_parameters(chance)).encode()
    path = chance.choice(["/send"] * 6 + ["/disconnect"])
    return _post(path, FORM, chance.mutate(body) if chance.is_lucky(0.7) else body)


def batch_request(chance: Chance) -> Request:
    count = chance.choice([0, 1, 2, 5, 20])
    body = to_json(chance, [message(chance) for _ in range(count)])
    return _post("/send/batch", JSON, chance.mutate(body) if chance.is_lucky(0.6) else body)


def query_request(chance: Chance) -> Request:
    """What stands in the URL is wrong."""
    path = chance.choice(["/send", "/send/batch", "/presence", _message_path(chance)])
    query = f"{CREDENTIALS}&resync=1&room=user_1&room={quote_plus(chance.text())}"
    mutated = chance.mutate(query.encode()).decode("latin-1").translate(LINE_ENDS)
    request = _post(path, JSON, to_json(chance, message(chance)))
    is_get = path.startswith(("/p", "/m"))
    return replace(request, method="GET" if is_get else "POST", query=mutated.replace(" ", "+"))


def header_request(chance: Chance) -> Request:
    """What stands in the head is wrong, all but the path."""
    request = _post("/send", chance.choice(TYPES), to_json(chance, message(chance)))
    headers = dict(request.headers)
    for _ in range(chance.randint(1, 3)):
        headers[chance.choice(NAMES)] = _header_value(chance)
    return replace(request, method=chance.choice(METHODS), headers=headers)


MAKERS: dict[str, Callable[[Chance], Request]] = {
    "JSON bodies": json_request,
    "form bodies": form_request,
    "batches": batch_request,
    "queries": query_request,
    "headers": header_request,
}
SHARES = (30, 30, 8, 16, 16)


def any_request(chance: Chance) -> tuple[str, Request]:
    [kind] = chance.choices(list(MAKERS), SHARES)
    return kind, MAKERS[kind](chance)


def message(chance: Chance) -> dict[str, Any]:
    rooms = [chance.choice(["user_1", "staff", chance.text()]) for _ in range(chance.randint(0, 4))]
    fields: dict[str, Any] = {
        "rooms": chance.choice([rooms, "user_1", "staff", value(chance)]),
        "event": chance.choice(["update", "update", chance.text(), value(chance)]),
        "args": chance.choice([[], [1, {"id": 1}], value(chance)]),
        "resync": chance.choice([True, False, 1, "0", value(chance)]),
        "devices": [{"room": "user_1", "device": chance.choice(["", "phone", value(chance)])}],
    }
    return {name: fields[name] for name in fields if chance.is_lucky(0.9)}


def value(chance: Chance, level: int = 0) -> Any:
    scalars = [None, True, 7, -1, 2**63, 2**64, 1.5, float("inf"), float("nan"), 10**30, "\ud800"]
    if level >= MOST_LEVELS or chance.is_lucky(0.6):
        return chance.choice([*scalars, chance.text(chance.choice([5, 5, 300])), ""])
    if chance.is_lucky(0.5):
        return [value(chance, level + 1) for _ in range(chance.randint(0, 4))]
    return {chance.text(): value(chance, level + 1) for _ in range(chance.randint(0, 4))}


def to_json(chance: Chance, content: Any) -> bytes:
    """Python's own writer also writes NaN and halves of surrogate pairs."""
    if chance.is_lucky(0.02):
        depth = chance.choice([200, 254, 255, 1_024, 20_000])
        return b'{"rooms":"a","event":"x","args":' + b"[" * depth + b"]" * depth + b"}"
    text = json.dumps(content, ensure_ascii=chance.is_lucky(0.5))
    return text.encode("utf-8", "surrogatepass")


def _post(path: str, content_type: str, body: bytes) -> Request:
    return Request("POST", path, CREDENTIALS, {"Content-Type": content_type}, body)


def _message_path(chance: Chance) -> str:
    return f"/messages/7{chance.text().replace('/', '')}"


def _parameters(chance: Chance) -> list[str]:
    keys = ["rooms", "rooms[]", "rooms[0]", "event", "args", "args[]", "args[0][id]", "resync"]
    found = ["rooms[]=user_1", "event=update"] if chance.is_lucky(0.8) else []
    for _ in range(chance.randint(0, 8)):
        key = chance.choice([*keys, f"args[{chance.text(4)}]", "a" + "[b]" * chance.randint(0, 40)])
        found.append(f"{key}={quote_plus(chance.text(), errors='replace')}")
    if chance.is_lucky(0.01):
        found += [f"args[{i}]={i}" for i in range(chance.choice([99, 101, 9_999, 10_001]))]
    return found


def _header_value(chance: Chance) -> str:
    text = chance.choice(VALUES)
    mutated = chance.mutate(text.encode()) if chance.is_lucky(0.5) else text.encode()
    return mutated.decode("latin-1").translate(LINE_ENDS)
