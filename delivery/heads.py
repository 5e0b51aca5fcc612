"""How long the head of a request may be: its URL, and all of its headers.

For `daphne_channel` and `http_connection`, which read heads, and for the ASGI application.
Imports nothing of the project.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

TOO_LONG_ANSWER = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)

Scope = dict[str, Any]


def ignore() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Heads:
    max_bytes: int = 16_384  # of the request line and all headers
    on_too_long: Callable[[], None] = ignore


async def refuse_long_query(scope: Scope, receive: Any, send: Any) -> None:
    """Answer 414; all that a websocket can be told is 403."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})
        return
    error = {"code": "query_too_long", "message": "The query of the URL is too long."}
    headers = [(b"Content-Type", b"application/json")]
    await send({"type": "http.response.start", "status": 414, "headers": headers})
    body = orjson.dumps({"ok": False, "error": error})
    await send({"type": "http.response.body", "body": body})
