"""A site's calls, repeated with the same Idempotency-Key until one is answered."""

import http.client
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from sioweb_client.connection import Refused, Unavailable, call

FIRST_PAUSE_SECONDS = 0.25  # doubled each time, unless the answer asks for more
LONGEST_PAUSE_SECONDS = 10.0


class Sender:
    """Threads may share one: it has as many connections as calls at once, and keeps them open.

    `timeout` bounds each step of an attempt, `patience` all attempts of a call, in seconds.
    """

    def __init__(
        self, url: str, site: str, key: str, *, timeout: float = 5.0, patience: float = 30.0
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: expected http://host[:port] or https://host[:port]")
        if not (str(key).isascii() and str(key).isprintable()):  # a header would show it
            raise ValueError("key: expected one line of ASCII; is a line break at its end?")
        self._parts, self._site, self._key = parts, site, str(key)
        self._timeout, self._patience = timeout, patience
        self._idle: deque[http.client.HTTPConnection] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Sender of {self._site} by {self._parts.hostname}>"

    def send(
        self, rooms: str | list[str], event: str, *args: Any, resync: bool = False, once: str = ""
    ) -> dict[str, Any]:
        """Return `{"ok", "id", "queued", "broadcast"}`. Raises Refused, Unavailable, as all do.

        `once` names the call: your program may make it again within 5 minutes, and it still
        takes effect once.
        """
        message = {"rooms": rooms, "event": event, "args": args, "resync": resync}
        return dict(self._call("POST", "/send", body=message, once=once))

    def send_many(self, messages: list[dict[str, Any]], *, once: str = "") -> list[dict[str, Any]]:
        """Send up to 1,000 of `{"rooms", "event", "args", "resync"}`, in their order.

        Returns an entry for each; a wrong one is refused alone: `{"ok": False, "error"}`.
        """
        return list(self._call("POST", "/send/batch", body=messages, once=once))

    def disconnect(self, rooms: Iterable[str] = (), devices: Iterable[dict[str, str]] = ()) -> int:
        """Disconnect rooms, and devices as `{"room", "device"}`; return how many were named."""
        named = {"rooms": [rooms] if isinstance(rooms, str) else [*rooms], "devices": [*devices]}
        body = {name: values for name, values in named.items() if values}
        return int(self._call("POST", "/disconnect", body=body)["targets"])

    def presence(self, *rooms: str) -> list[dict[str, Any]]:
        """Return `{"room", "online", "since", "devices"}` of each of up to 90 user rooms."""
        answer = self._call("GET", "/presence", query=[("room", room) for room in rooms])
        return list(answer["rooms"])

    def receipt(self, message_id: str) -> dict[str, Any] | None:
        """What has become of a message of the last hour; None = nothing is known of it."""
        try:
            return dict(self._call("GET", f"/messages/{quote(message_id, safe='')}"))
        except Refused as error:
            if error.code == "unknown_message":
                return None
            raise

    def close(self) -> None:
        """Close the connections; the next call opens one."""
        while self._idle:
            self._idle.pop().close()

    def _call(
        self, method: str, path: str, *, query: Any = (), body: Any = None, once: str = ""
    ) -> Any:
        parameters = urlencode([("site", self._site), *query])
        target = f"{self._parts.path.rstrip('/')}{path}?{parameters}"
        headers = {"X-Api-Key": self._key}
        if method == "POST":
            headers["Content-Type"] = "application/json"
            headers["Idempotency-Key"] = once or uuid.uuid4().hex
            body = json.dumps(body, allow_nan=False).encode()
        return self._repeat(method, target, body, headers)

    def _repeat(self, *request: Any) -> Any:
        deadline, pause = time.monotonic() + self._patience, FIRST_PAUSE_SECONDS
        while True:
            connection = self._take()
            try:
                return call(connection, *request)
            except Unavailable as error:
                spread = random.uniform(0.5, 1.0)  # noqa: S311 - so that senders come one by one
                wait = max(error.retry_after, pause * spread)
                if time.monotonic() + wait > deadline:
                    raise
            finally:
                self._idle.append(connection)
            time.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _take(self) -> http.client.HTTPConnection:
        with suppress(IndexError):
            return self._idle.pop()
        is_tls = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
        return kind(self._parts.hostname or "", self._parts.port, timeout=self._timeout)
