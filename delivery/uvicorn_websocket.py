"""uvicorn's websocket, which can be taken over as daphne's: heard in a callback, written at once.

Between `uvicorn_server` and `transports`; imports uvicorn.
"""

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from delivery.library_versions import are_known
from delivery.takeover import READ_BYTES, Takeover, join_many
from delivery.transports import CLOSED_FOR_A_REASON, WEBSOCKET, Listener

CLOSE_NORMALLY = 1000


class UvicornWebSocket(Takeover, WebSocketsSansIOProtocol):
    """One websocket."""

    _ended: "asyncio.Future[None] | None" = None

    async def take_over(self, listener: Listener) -> None:
        """Return when it is closed: uvicorn closes it when its application ends."""
        self._listener = listener
        self._ended = self.loop.create_future()
        while not self.queue.empty():
            self._hear_event(dict(await self.receive()))
        await self._ended

    can_greet = False  # uvicorn answers handshakes itself

    def greet(self, frame: bytes) -> None:
        raise NotImplementedError

    def tell_end(self, callback: object) -> bool:
        """Whoever wants to know waits for `take_over`."""
        return False

    def write(self, frame: bytes) -> bool:
        if self._stall is not None or self.close_sent or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True

    def _pause_reading(self) -> None:
        self.transport.pause_reading()

    def _resume_reading(self) -> None:
        self.transport.resume_reading()

    def finish(self) -> None:
        self._send_close(CLOSE_NORMALLY, "")

    def close(self, reason: str) -> None:
        self._send_close(CLOSED_FOR_A_REASON, reason)

    def abort(self) -> None:
        self.transport.abort()

    # --- uvicorn's hooks

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.max_size = READ_BYTES

    def data_received(self, data: bytes) -> None:
        self._hear_in_turn(self._hear, data)

    def _hear(self, data: bytes) -> None:
        if self._listener is not None and self._is_between_messages():
            data = self._hear_short_texts(data)
        if data:
            super().data_received(data)
            self.frames = join_many(self.frames)

    def _is_between_messages(self) -> bool:
        """Its parser waits for the first byte of a frame, and none of a message has come."""
        if self.conn.state is not State.OPEN or self.close_sent:
            return False
        step: Any = self.conn.parser
        while (inner := getattr(step, "gi_yieldfrom", None)) is not None:
            step = inner
        return getattr(step, "__name__", "") == "at_eof" and self.conn.current_size is None

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.close_sent or not are_known():
            return
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[WEBSOCKET] = self

    def send_receive_event_to_app(self) -> None:
        if self._listener is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = b"".join(self.frames)
        self.frames = []
        if self.curr_msg_data_type == "bytes":
            self._listener.hear(data)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.fail(1007, "invalid UTF-8")
            self.handle_parser_exception()
        else:
            self._listener.hear(text)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end_stall()
        self._end()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._begin_stall()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._end_stall()
        if self._listener is not None:
            self._listener.write_on()

    def _send_close(self, code: int, reason: str) -> None:
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def _end(self) -> None:
        super()._end()
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
