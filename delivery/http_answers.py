"""How an answer is written to its connection: head and body go out together.

Below `http_connection`, whose requests are answered so, and `handler`, which makes whole answers.
Imports uvicorn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

# Extension of an ASGI scope: an `http.response.start` that has a `body` is the whole answer. Its
# headers tell the length of that, and nothing of the connection.
WHOLE_ANSWERS = "sioweb.whole_answers"

Event = dict[str, Any]
Send = Callable[[Event], Awaitable[None]]


def takes_whole_answers(scope: Mapping[str, Any]) -> bool:
    return WHOLE_ANSWERS in scope.get("extensions", ())


def joining(cycle: RequestResponseCycle) -> Send:
    """Return what an application sends its answer with: uvicorn's own, but for the writing."""

    def send(event: Event) -> Awaitable[None]:
        if event["type"] == "http.response.start":
            if "body" in event:
                return _send_whole(cycle, event)
            if cycle.scope["method"] == "POST":
                cycle.transport = JoinedAnswer(cycle.transport)  # type: ignore[assignment]
        return cycle.send(event)  # type: ignore[arg-type]

    return send


class JoinedAnswer:
    """The transport of one answer that has a body: its head goes out with what follows."""

    __slots__ = ("_head", "_is_begun", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._is_begun = False
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._is_begun:
            self._transport.write(self._head + data)
            self._head = b""
        else:
            self._is_begun = True
            self._head = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def _send_whole(cycle: RequestResponseCycle, event: Event) -> None:
    """As uvicorn does in two steps."""
    if cycle.response_started:
        raise RuntimeError("The answer has begun already, expected no whole one.")
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    head = head_of(event["status"], *cycle.default_headers, *event["headers"])
    end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
    body = b"" if cycle.scope["method"] == "HEAD" else event["body"]
    cycle.response_started = cycle.response_complete = True
    cycle.transport.write(head + end + body)
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


@lru_cache(maxsize=64)  # nearly all answers of a second begin with the same
def head_of(status: int, *headers: tuple[bytes, bytes]) -> bytes:
    """The first lines of an answer. Raises RuntimeError as `header_line`."""
    return STATUS_LINE[status] + b"".join(header_line(name, value) for name, value in headers)


@lru_cache(maxsize=256)
def header_line(name: bytes, value: bytes) -> bytes:
    r"""Raises RuntimeError where uvicorn would.

    >>> header_line(b"Retry-After", b"1")
    b'retry-after: 1\r\n'
    """
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        raise RuntimeError(f"{name!r}: {value!r} is no header.")
    return b"%s: %s\r\n" % (name.lower(), value)
