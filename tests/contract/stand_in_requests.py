"""What the stand-in accepts: from senders, and of what its site answers."""

import json
from typing import Any

import qs_codec
from aiohttp import web
from socketio.exceptions import ConnectionRefusedError as Refusal

RESERVED = {"connect", "connect_error", "disconnect", "disconnecting", "error"}
RESERVED |= {"newListener", "removeListener", "batch", "resync"}


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.content = {"ok": False, "error": {"code": code, "message": message}}


async def read_body(request: web.Request) -> Any:
    text = await request.text()
    if request.content_type == "application/x-www-form-urlencoded":
        return qs_codec.decode(text)
    if request.content_type != "application/json":
        raise Refused(415, "unsupported_media_type", "JSON or a form is accepted")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Refused(400, "malformed_json", str(error)) from error


def read_message(fields: Any) -> tuple[list[str], list[Any]]:
    """Return the rooms and `[event, ...args]`. Raises Refused."""
    if not isinstance(fields, dict):
        raise Refused(400, "invalid_message", "an object is accepted")
    given = fields.get("rooms")
    rooms = [given] if isinstance(given, str) else given
    if not isinstance(rooms, list) or not 1 <= len(rooms) <= 1000:
        raise Refused(400, "invalid_rooms", "1 to 1,000 rooms are accepted")
    if not all(map(_is_name, rooms)):
        raise Refused(400, "invalid_rooms", "rooms of 1 to 256 characters are accepted")
    event = fields.get("event")
    if not _is_name(event) or event in RESERVED:
        raise Refused(400, "invalid_event", "1 to 256 characters are accepted, none reserved")
    args = fields.get("args", [])
    return rooms, [event, *(args if isinstance(args, list) else [args])]


def read_rooms(status: int, text: str) -> list[str]:
    if status in (401, 403):
        raise Refusal("Authentication failed")
    if status != 200:
        refusal = (f"Auth {status} error", {"code": status})
        raise Refusal(*refusal)
    try:
        rooms = json.loads(text)
    except json.JSONDecodeError:
        rooms = None
    if not isinstance(rooms, list) or not all(isinstance(room, str) for room in rooms):
        raise Refusal("Auth error: no list of rooms")
    return rooms


def read_flag(text: str) -> bool:
    if text not in ("true", "1", "false", "0"):
        raise Refused(400, "invalid_resync", "resync: expected true or false")
    return text in ("true", "1")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 256
