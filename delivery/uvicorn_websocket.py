"""uvicorn's websocket, which can be taken over as daphne's: heard in a callback, written at once.

Between `web_server` and `transports`; imports uvicorn.
"""

import asyncio
import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from delivery.transports import CLOSED_FOR_A_REASON, STALLED_SECONDS, WEBSOCKET, Listener

logger = logging.getLogger(__name__)

CLOSE_NORMALLY = 1000


class UvicornWebSocket(WebSocketsSansIOProtocol):
    """One websocket."""

    _listener: Listener | None = None
    _stall: asyncio.TimerHandle | None = None  # while the client does not read
    _ended: "asyncio.Future[None] | None" = None

    async def take_over(self, listener: Listener) -> None:
        """Return when it is closed: uvicorn closes it when its application ends."""
        self._listener = listener
        self._ended = self.loop.create_future()
        while not self.queue.empty():
            message: dict[str, Any] = dict(await self.receive())
            if message["type"] == "websocket.disconnect":
                self._end()
            else:
                listener.hear(message["text"] if "text" in message else message["bytes"])
        await self._ended

    def tell_end(self, callback: object) -> bool:
        """Whoever wants to know waits for `take_over`."""
        return False

    def write(self, frame: bytes) -> bool:
        if self._stall is not None or self.close_sent or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True

    def finish(self) -> None:
        self._send_close(CLOSE_NORMALLY, "")

    def close(self, reason: str) -> None:
        self._send_close(CLOSED_FOR_A_REASON, reason)

    def abort(self) -> None:
        self.transport.abort()

    # --- uvicorn's hooks

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.close_sent:
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
        self._go_on()
        self._end()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(STALLED_SECONDS, self._give_up)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._go_on()
        if self._listener is not None:
            self._listener.write_on()

    def _go_on(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _give_up(self) -> None:
        logger.warning("A client that takes nothing is cut off: %s", self.client)
        self.transport.abort()

    def _send_close(self, code: int, reason: str) -> None:
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def _end(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.end()
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
