"""A connection that carries HTTP, read by httptools: bounded in what it may hold and how long.

uvicorn's own, which trusts a proxy to do that, with one timer for the life of a connection.
Below `uvicorn_server` and `send_connections`; imports uvicorn, `heads`, `http_answers`,
`known_head` and `request_parser`.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from time import monotonic
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from delivery.heads import LINGER_SECONDS, TOO_LONG_ANSWER, Heads
from delivery.http_answers import WHOLE_ANSWERS, joining
from delivery.known_head import KnownHead
from delivery.request_parser import RequestParser

# A proxy that keeps connections for a minute, as nginx does, must not find one just closed.
KEEP_ALIVE_SECONDS = 75
STALL_SECONDS = 60.0  # from byte to byte of a request, as daphne's Twisted has it
MAX_UNUSED = 5  # heads in a row that did not come again, after which none is kept
RUNS_TO_END = "sioweb.runs_to_end"  # extension of an ASGI scope: nobody cancels its application
EXTENSIONS: Mapping[str, Mapping[str, object]] = {RUNS_TO_END: {}, WHOLE_ANSWERS: {}}


class HttpConnection(HttpToolsProtocol):
    """One connection."""

    heads = Heads()
    _is_in_request = False
    _is_too_long = False
    _came_bytes = 0  # with the last read
    _head_bytes = 0  # of the head that is being read; behind it, of what is no body
    _is_head_read = False
    _has_advanced = False  # with the last read: the head has ended, or a part of the body come
    _heard_at = 0.0  # by time.monotonic()
    _answered_at = 0.0
    _watch: asyncio.TimerHandle | None = None
    _known: KnownHead | None = None  # of the last request that came with one read
    _unused = 0  # heads kept since one came again

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = RequestParser(self)  # type: ignore[assignment]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._heard_at = monotonic()
        self._watch = self.loop.call_later(STALL_SECONDS, self._close_if_late)

    def data_received(self, data: bytes) -> None:
        if self._is_too_long:
            return  # what is not read would make the close a reset, and the answer be lost
        self._heard_at = monotonic()
        if self._begins_as_before(data):
            return
        self._came_bytes = len(data)
        was_in_request, self._has_advanced = self._is_in_request, False
        super().data_received(data)
        if not was_in_request:
            self._keep_head(data)
        if self._is_in_request and not self._is_too_long:
            self._head_bytes = 0 if self._has_advanced else self._head_bytes + len(data)
            if self._head_bytes > self.heads.max_bytes:
                self._refuse_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_watch()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """From here on another protocol has the transport."""
        self._end_watch()
        super().handle_websocket_upgrade()

    def has_declined(self) -> bool:
        """Whether this request asks for another protocol, and goes on without."""
        return self.parser.should_upgrade() and not self._should_upgrade()

    # --- what httptools calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = EXTENSIONS  # type: ignore[typeddict-item]
        self._is_in_request = True
        self._is_head_read = self._has_advanced = False
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A trailer, behind the last chunk of a body, is none: uvicorn would add it to them, so
        that it could say what a proxy has taken out of the head, and keep any number."""
        if not self._is_head_read:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._has_long_head():
            self._is_too_long = True
            raise ValueError("head too long")  # ends the parser; see send_400_response
        super().on_headers_complete()
        self._is_head_read = self._has_advanced = True

    def on_body(self, body: bytes) -> None:
        self._has_advanced = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Of a request for another protocol, httptools calls this for its head alone."""
        if self.has_declined():
            return
        super().on_message_complete()
        self._is_in_request = False

    def on_response_complete(self) -> None:
        """As uvicorn's own, which makes a timer for each time that a connection is kept alive."""
        if self.pipeline:
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self._answered_at = monotonic()
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, partial(_run, app, cycle))

    def _begins_as_before(self, data: bytes) -> bool:
        """Answer a request with the head of the last one; False = it is to be parsed."""
        if self._known is None or self._is_in_request or not self.cycle.response_complete:
            return False
        request = self._known.read(data)
        if request is None:
            return False
        self._unused = 0
        self._answer(*request)
        return True

    def _answer(self, scope: Any, body: bytes) -> None:
        """As uvicorn does when it has parsed a request."""
        cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        cycle.body += body
        cycle.more_body = False
        cycle.message_event.set()
        self.cycle = cycle
        self._start_asgi_task(cycle, self.app)

    def _keep_head(self, data: bytes) -> None:
        """If it is a whole request, and not one of many whose heads all differ."""
        if self._unused < MAX_UNUSED and (known := KnownHead.of(data, self.scope)):
            self._known = known
            self._unused += 1

    def send_400_response(self, msg: str) -> None:
        if self._is_too_long:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def _has_long_head(self) -> bool:
        """What came last may hold a body, too: the head is added up only then."""
        if self._head_bytes + self._came_bytes <= self.heads.max_bytes:
            return False
        lines = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.url) + lines > self.heads.max_bytes

    def _refuse_head(self) -> None:
        self._is_too_long = True
        self.heads.on_too_long()
        if self._is_head_read:  # the answer may be on its way
            self.transport.close()
            return
        self.transport.write(TOO_LONG_ANSWER)
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _close_if_late(self) -> None:
        """Cut a request that has begun and does not go on; close when no other has come."""
        now, seconds = monotonic(), STALL_SECONDS
        if self._is_begun():
            seconds = self._heard_at + STALL_SECONDS - now
            if seconds <= 0:
                self.transport.abort()
                return
        elif self.cycle.response_complete:
            seconds = self._answered_at + self.timeout_keep_alive - now
            if seconds <= 0:
                self.transport.close()
                return
        # Never later than what may begin in between would be late.
        self._watch = self.loop.call_later(min(seconds, STALL_SECONDS), self._close_if_late)

    def _is_begun(self) -> bool:
        """Also before the first byte: who connects wants something."""
        return self._is_in_request or self.cycle is None

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None


def _run(app: Any, cycle: RequestResponseCycle, scope: Any, receive: Any, _: Any) -> Any:
    """An ASGI application."""
    return app(scope, receive, joining(cycle))


def connection_of(heads: Heads) -> type[HttpConnection]:
    return type("HttpConnection", (HttpConnection,), {"heads": heads})


def runs_to_end(scope: Mapping[str, Any]) -> bool:
    """Whether a request is answered to the end when its sender hangs up: daphne cancels it then."""
    return RUNS_TO_END in scope.get("extensions", ())
