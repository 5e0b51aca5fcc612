"""Form bodies in the bracket syntax of Express' extended parser (the `qs` library).

    rooms[]=user_1&rooms[]=staff&event=x&args[0]=user&args[1][id]=1
    {"rooms": ["user_1", "staff"], "event": "x", "args": ["user", {"id": "1"}]}

Below `bodies`. Written here because qs-codec, the Python port of qs, takes time
that grows with the square of a list's length, on the event loop (11 s for 10,000
entries, against 50 ms), and reads `a[0][0]=1&a[0][1]=2` as two lists; in the rest
the tests compare the two. Where qs guesses (`a=1&a[x]=2`), this refuses.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from delivery.exceptions import InvalidRequest

MAX_PARAMETERS = 10_000
MAX_DEPTH = 32  # brackets of one key, as in Express
MAX_BRACKETS = 20_000  # of all keys: each may cost an object, and the event loop waits
MIN_LIST_LIMIT = 100  # Express: an index past this and past the number of parameters is a name
MAX_SHOWN_CHARACTERS = 80  # of a key, in an error

ESCAPES = re.compile(rb"(?:%[0-9A-F]{2})+", re.IGNORECASE)
KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
SEGMENT = re.compile(r"\[([^\[\]]*)\]")
INDEX = re.compile(r"0|[1-9][0-9]{0,4}")

Pair = tuple[str, list[str], str]  # ("args", ["1", "id"], "7") of `args[1][id]=7`
NOTHING: Pair = ("", [], "")


@dataclass(slots=True)
class Node:
    """What the parameters say about one place, such as `args[1]`."""

    values: list[str] = field(default_factory=list)  # of `place=` and `place[]=`, in order
    children: dict[str, "Node"] = field(default_factory=dict)  # by the text between brackets
    is_list: bool = False  # `place[]=` was seen

    def child(self, name: str) -> "Node":
        return self.children.setdefault(name, Node())


def parse_form(body: bytes) -> dict[str, object]:
    """Parse a form body; each scalar in it is a string. Linear in its length.

    Raises InvalidRequest: 413 for too many parameters, 400 for bytes that are not
    UTF-8, brackets that do not match or go too deep, and fields of two kinds.
    """
    parameters = body.split(b"&", MAX_PARAMETERS)
    if len(parameters) > MAX_PARAMETERS:
        raise _too_many(f"more than {MAX_PARAMETERS} form parameters")
    root = Node()
    for pair in _parse_pairs(parameters):
        _insert(root, pair)
    list_limit = max(MIN_LIST_LIMIT, len(parameters))
    return {name: _value(child, name, list_limit) for name, child in root.children.items()}


def _parse_pairs(parameters: Iterable[bytes]) -> list[Pair]:
    """Counts as it goes: what is too much is not read to its end."""
    pairs, brackets = [], 0
    for number, parameter in enumerate(parameters, start=1):
        pair = _parse_pair(parameter, number)
        brackets += len(pair[1])
        if brackets > MAX_BRACKETS:
            raise _too_many(f"more than {MAX_BRACKETS} brackets in form keys")
        pairs.append(pair)
    return pairs


def _parse_pair(parameter: bytes, number: int) -> Pair:
    raw_key, raw_value = _split(parameter)
    if not raw_key:
        return NOTHING  # `&&` and `=x`
    name, segments = _parse_key(_decode(raw_key, number))
    return name, segments, _decode(raw_value, number)


def _insert(root: Node, pair: Pair) -> None:
    if pair is NOTHING:
        return
    name, segments, value = pair
    node = root.child(name)
    for segment in segments[:-1]:
        # As in qs, `a[][b]=1&a[][c]=2` is one object: an inner `[]` is `[0]`.
        node = node.child(segment or "0")
    if segments[-1:] == [""]:
        node.is_list = True
    elif segments:
        node = node.child(segments[-1])
    node.values.append(value)


def _split(parameter: bytes) -> tuple[bytes, bytes]:
    """Split at the first `=`, or in `a[b=c]=d` at the first one past a bracket."""
    key, _, value = parameter.partition(b"=")
    if b"[" in key and not key.endswith(b"]") and b"]=" in value:
        key, _, value = parameter.partition(b"]=")
        key += b"]"
    return key, value


def _decode(text: bytes, number: int) -> str:
    """Decode `+` and `%XX`; a `%` that escapes nothing stands for itself, as in qs."""
    try:
        return ESCAPES.sub(_unescape, text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError as error:
        raise _malformed(f"Body: form parameter {number} is not valid UTF-8.") from error


def _unescape(escapes: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escapes[0].replace(b"%", b"").decode())


def _parse_key(key: str) -> tuple[str, list[str]]:
    """Return `("args", ["1", "id"])` of `args[1][id]`."""
    match = KEY.fullmatch(key)
    if match is None:
        raise _malformed(f"{_shown(key)}: the brackets do not match.")
    segments = SEGMENT.findall(match[2])
    if len(segments) > MAX_DEPTH:
        raise _malformed(f"{_shown(key)}: more than {MAX_DEPTH} levels of brackets.")
    return match[1], segments


def _value(node: Node, place: str, list_limit: int) -> object:
    if not node.children:
        return node.values if node.is_list or len(node.values) > 1 else node.values[0]
    if node.values:
        raise _malformed(f"{_shown(place)}: given both as a value and with brackets.")
    values = {
        name: _value(child, f"{place}[{name}]", list_limit) for name, child in node.children.items()
    }
    if all(_is_index(name, list_limit) for name in values):
        return [values[name] for name in sorted(values, key=int)]  # gaps close, as in qs
    return values


def _is_index(name: str, list_limit: int) -> bool:
    return INDEX.fullmatch(name) is not None and int(name) < list_limit


def _shown(key: str) -> str:
    return key if len(key) <= MAX_SHOWN_CHARACTERS else f"{key[:MAX_SHOWN_CHARACTERS]}…"


def _too_many(what: str) -> InvalidRequest:
    return InvalidRequest(status=413, code="too_many_parameters", message=f"Body: {what}.")


def _malformed(message: str) -> InvalidRequest:
    return InvalidRequest(status=400, code="malformed_form", message=message)
