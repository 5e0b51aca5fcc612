"""The access log: one line per request and websocket, without keys and tokens.

Wraps the ASGI application, so that it is the same under every server. A websocket that
was taken over from its application is logged when it ends, as any other. What a request has
sent stands in its line: see `request_lines`.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote, unquote_plus

from delivery.known_head import once_per_head
from delivery.request_lines import Line, begin_line
from delivery.transports import find_websocket

logger = logging.getLogger("sioweb.access")

# Parameters whose values may be read by whoever reads logs; of all others only the name is.
OPEN_PARAMETERS = frozenset({"site", "resync", "EIO", "transport"})

REQUEST = "%(request)s %(status)s %(ms)s ms %(client)s"
SENDING = f"{REQUEST}, message %(message)s sent, rooms: %(rooms)d"

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Any, Send], Awaitable[None]]


def with_access_log(application: Application, find_address: Callable[[Scope], str]) -> Application:
    """Log `POST /send?site=newsite&apiKey=*** 200 1.3 ms 127.0.0.1` after each request."""

    async def logged(scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await application(scope, receive, send)
            return
        started_at = time.perf_counter()
        outcome = "cut"
        # Not of a websocket: what is done for it goes on in contexts that would keep the line.
        line = begin_line() if scope["type"] == "http" else {}

        def noted(event: dict[str, Any]) -> Awaitable[None]:
            nonlocal outcome
            if event["type"] == "http.response.start":
                outcome = str(event["status"])
            elif event["type"] == "websocket.accept":
                outcome = "101"
            return send(event)

        try:
            await application(scope, receive, noted)
        finally:
            head = once_per_head(scope, _head, scope)
            told = (line, head, outcome, find_address(scope), started_at)
            websocket = find_websocket(scope)
            if websocket is None or not websocket.tell_end(partial(_log, *told)):
                _log(*told)

    return logged


def redact(query_string: bytes) -> str:
    """Keep the names of all parameters and the values of open ones.

    >>> redact(b"site=newsite&apiKey=54321&resync=false")
    'site=newsite&apiKey=***&resync=false'
    >>> redact(b"api%4Bey=54321&54321")
    'apiKey=***&***'
    """
    parts = query_string.decode("latin-1").split("&") if query_string else []
    return "&".join(map(_redact_parameter, parts))


def _redact_parameter(part: str) -> str:
    name, equals, value = part.partition("=")
    if not equals:
        return "***"
    name = quote_name(name)
    return f"{name}={quote_open(value) if name in OPEN_PARAMETERS else '***'}"


# Nearly all are names, paths and sites that come again and again, and `quote` is slow. No secret
# is kept here: of a query there are only names, and values that anybody may read.


@lru_cache(maxsize=128)
def quote_name(name: str) -> str:
    return quote(unquote_plus(name))


@lru_cache(maxsize=128)
def quote_open(text: str) -> str:
    return quote(text)


def _head(scope: Scope) -> str:
    query = redact(scope.get("query_string", b""))
    path = quote_open(scope["path"])
    return f"{scope.get('method', 'WEBSOCKET')} {path}{'?' if query else ''}{query}"


def _log(line: Line, head: str, outcome: str, address: str, started_at: float) -> None:
    text = SENDING if line else REQUEST
    line["request"], line["status"], line["client"] = head, outcome, address
    line["ms"] = round(10_000 * (time.perf_counter() - started_at)) / 10
    logger.info(text, line)
