"""What `/send` accepts: the fields of a body, checked one by one.

Between `bodies` and `publish`; behind it nothing is checked again. Every
refusal says where and what: `rooms[3]: expected a string of 1 to 256 characters, got 7.`
Imports no Django.
"""

from typing import NamedTuple, TypeGuard

import orjson

from delivery.exceptions import InvalidRequest
from delivery.message import text_of
from sites.snapshots import SiteSnapshot

MAX_ROOMS = 1_000
MAX_CHARACTERS = 256  # of a room or an event
MAX_SHOWN_CHARACTERS = 40  # of a refused value

# Socket.IO's own, which clients' handlers take for changes of the connection;
# `error` because socket.io 1 fired it inside the server.
RESERVED_EVENTS = frozenset(
    {
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "error",
        "newListener",
        "removeListener",
    }
)
FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}
MISSING = object()


class SendRequest(NamedTuple):
    rooms: tuple[str, ...]  # without duplicates, in the order given
    event: str
    text: str  # JSON of [event, *args], without blanks
    resync: bool | None  # None = the body does not say


def parse_send(fields: object, site: SiteSnapshot) -> SendRequest:
    """Check the fields of one message; those of other names are ignored. Raises InvalidRequest."""
    if not isinstance(fields, dict):
        raise invalid("invalid_message", "message", "an object", fields)
    rooms = parse_rooms(fields.get("rooms", MISSING))
    event = _parse_event(fields.get("event", MISSING), site)
    text = _write(event, fields.get("args", []))
    resync = parse_flag("resync", fields["resync"]) if "resync" in fields else None
    return SendRequest(rooms, event, text, resync)


def parse_flag(place: str, value: object) -> bool:
    """Read true, 1, "true" or "1" in any case, and their opposites. Raises InvalidRequest."""
    # Floats are no flags, and neither is what only equals one: 1.0 == True.
    text = str(value).lower() if isinstance(value, bool | int | str) else None
    if text not in FLAGS:
        raise invalid("invalid_resync", place, "true or false", value)
    return FLAGS[text]


def parse_rooms(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (parse_name("invalid_rooms", "rooms", value),)
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_ROOMS:
        expected = f"a string or a list of 1 to {MAX_ROOMS} strings"
        raise invalid("invalid_rooms", "rooms", expected, value)
    for i, room in enumerate(value):
        if not _is_name(room):
            raise _invalid_name("invalid_rooms", f"rooms[{i}]", room)
    return tuple(dict.fromkeys(value))


def _parse_event(value: object, site: SiteSnapshot) -> str:
    event = parse_name("invalid_event", "event", value)
    if event in RESERVED_EVENTS or event in site.system_events:
        message = f"event: {_shown(event)} is reserved."
        raise InvalidRequest(status=400, code="reserved_event", message=message)
    return event


def _write(event: str, args: object) -> str:
    try:
        # Nothing but the depth can fail here: orjson reads 1,024 levels and writes 254.
        return text_of(event, args if isinstance(args, list) else [args])
    except orjson.JSONEncodeError as error:
        message = "args: nested too deeply, expected at most 254 levels."
        raise InvalidRequest(status=400, code="invalid_args", message=message) from error


def parse_name(code: str, place: str, value: object) -> str:
    if not _is_name(value):
        raise _invalid_name(code, place, value)
    return value


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 1 <= len(value) <= MAX_CHARACTERS


def _invalid_name(code: str, place: str, value: object) -> InvalidRequest:
    return invalid(code, place, f"a string of 1 to {MAX_CHARACTERS} characters", value)


def invalid(code: str, place: str, expected: str, value: object) -> InvalidRequest:
    message = f"{place}: expected {expected}, got {_shown(value)}."
    return InvalidRequest(status=400, code=code, message=message)


def _shown(value: object) -> str:
    match value:
        case str() if len(value) > MAX_SHOWN_CHARACTERS:
            return f"{len(value)} characters"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "an object"
        case _:
            return "nothing" if value is MISSING else orjson.dumps(value).decode()
