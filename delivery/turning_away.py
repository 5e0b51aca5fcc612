"""What is refused before any view or session has begun, in the shape that `answers` has.

For ASGI applications: `transport_server` and the project's own.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson

from delivery.exceptions import InvalidRequest

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def turn_away(
    scope: Scope,
    receive: Any,
    send: Send,
    error: InvalidRequest,
    more_headers: Iterable[tuple[str, str]] = (),
) -> None:
    """Answer a request with the error; all that a websocket can be told is 403."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})
        return
    headers = [(b"Content-Type", b"application/json")]
    lines = [*error.headers.items(), *more_headers]
    headers += [(name.encode(), value.encode("latin-1")) for name, value in lines]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps(error.content())})
