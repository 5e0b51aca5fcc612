"""What is refused before any view or session has begun, in the shape that `answers` has.

For ASGI applications: `server` and the project's own.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from delivery.exceptions import InvalidRequest

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def turn_away(scope: Scope, receive: Any, send: Send, error: InvalidRequest) -> None:
    """Answer a request with the error; all that a websocket can be told is 403."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})
        return
    headers = [(b"Content-Type", b"application/json")]
    headers += [(name.encode(), value.encode()) for name, value in error.headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps(error.content())})
