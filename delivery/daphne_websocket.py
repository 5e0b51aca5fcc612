"""Daphne's websocket, with an end to what it buffers for a client that does not read.

Daphne hands everything to Twisted at once, which keeps what the network does not take.
Here nothing is written while that is more than Twisted's 64 KiB, so that what is unsent stays
in a queue that is counted. Whoever takes it over is told of what comes in a callback.
Between `daphne_server` and `transports`.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from delivery.daphne_handshake import DirectHandshake
from delivery.direct_reading import read_directly
from delivery.idle_websocket import AtFirst, slim
from delivery.takeover import READ_BYTES, TIMED_BYTES, Takeover, join_many
from delivery.transports import CLOSED_FOR_A_REASON, Listener

logger = logging.getLogger(__name__)

# What `write` reaches for inside Twisted; without it each write takes a turn of the loop.
CAN_WRITE_AT_ONCE = all(
    hasattr(FileDescriptor(), name) for name in ("dataBuffer", "_tempDataBuffer")
)
if not CAN_WRITE_AT_ONCE:
    logger.warning("This Twisted is not known: websockets are written to the slower way")

OPTIONS = (*WebSocketProtocol.CONFIG_ATTRS_COMMON, *WebSocketProtocol.CONFIG_ATTRS_SERVER)

CLOSE_SECONDS = 5.0  # for a slow reader to take what is on its way, and read why it is closed


@implementer(IPushProducer)
class FlowControlledWebSocket(Takeover, DirectHandshake, AtFirst, WebSocketProtocol):
    """One websocket; Twisted's producer of its own, in place of the HTTP channel's."""

    server: Any = None  # daphne's, from the moment that autobahn has found no fault
    message_data: list[bytes]
    _on_end: Callable[[], None] | None = None

    @classmethod
    def configured(cls, factory: Any) -> type[Self]:
        """This class with the factory's settings as its own: autobahn would copy all of them to
        each connection, and format them for a log that nobody reads."""
        options = {name: getattr(factory, name) for name in OPTIONS}
        settings = {k: staticmethod(v) if callable(v) else v for k, v in options.items()}
        return type(cls.__name__, (cls,), {**settings, "CONFIG_ATTRS": ()})

    @property
    def client(self) -> Any:
        return self.client_addr

    def connectionMade(self) -> None:
        super().connectionMade()
        self.produce()

    def produce(self) -> None:
        """Be the producer of what goes out."""
        if self.transport.producer is not None:
            self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        self.transport.bufferSize = READ_BYTES

    def connectionLost(self, reason: Any) -> None:
        self.resumeProducing()
        self.factory.turnstile.leave(partial(self._lose, reason))

    def _lose(self, reason: Any) -> None:
        super().connectionLost(reason)
        # It is resolved with this websocket, which would know itself by it: garbage that nothing
        # but a look through all objects finds.
        self.__dict__.pop("is_closed", None)

    async def take_over(self, listener: Listener) -> None:
        """Tell the listener what comes, in place of the ASGI application, which may end."""
        self._listener = listener
        came = self.application_queue
        del self.application_queue  # daphne looks whether there is one
        self.server.note_taken(self)
        slim(self)
        read_directly(self.transport)
        while not came.empty():
            self._hear_event(came.get_nowait())

    def dataReceived(self, data: bytes) -> None:
        if len(data) < TIMED_BYTES:
            self._hear(data)
        else:
            self._hear_in_turn(self._hear, data)

    def _hear(self, data: bytes) -> None:
        is_between_frames = self._listener is not None and self.current_frame is None
        if is_between_frames and not self.data and not self.inside_message:
            data = self._hear_short_texts(data)
        if data:
            super().dataReceived(data)
            if self.inside_message:
                self.message_data = join_many(self.message_data)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self._listener is None:
            super().onMessage(payload, isBinary)
        else:
            self._listener.hear(payload if isBinary else payload.decode())

    def onPing(self, payload: bytes) -> None:
        """As autobahn's own; answers to who does not read them would pile up without an end."""
        if self._stall is None:
            super().onPing(payload)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        if self.server is None:  # the handshake was refused: nobody knows of it
            return
        super().onClose(wasClean, code, reason)
        if self._listener is not None:
            self._end()

    def _end(self) -> None:
        self.server.note_gone(self)
        super()._end()
        if self._on_end is not None:
            self._on_end()

    def tell_end(self, callback: Callable[[], None]) -> bool:
        if self._listener is None:
            return False
        self._on_end = callback
        return True

    def write(self, frame: bytes) -> bool:
        """Write a frame that is ready: at once, in one system call, where nothing waits.

        Twisted's own `write` would add the socket to epoll, write in the next turn of the loop
        and take it out again. False while the client does not read, or when it is gone.
        """
        transport = self.transport
        if self._stall is not None or self.state != self.STATE_OPEN:
            return False
        if not transport.connected:  # lost, and its end waits at the turnstile
            return False
        if CAN_WRITE_AT_ONCE and not transport.dataBuffer and not transport._tempDataBuffer:
            try:
                written = transport.socket.send(frame)
            except OSError:
                written = 0  # full, or lost: Twisted finds that out with its own write
            if written == len(frame):
                return True
            frame = frame[written:]
        transport.write(frame)
        return True

    def _pause_reading(self) -> None:
        self.transport.pauseProducing()

    def _resume_reading(self) -> None:
        self.transport.resumeProducing()
        read_directly(self.transport)

    def finish(self) -> None:
        self.sendClose(self.CLOSE_STATUS_CODE_NORMAL)

    def close(self, reason: str) -> None:
        """Close it now, whatever is unsent; autobahn cuts it if no answer comes in time."""
        if self.state == self.STATE_CONNECTING:  # where there are no close frames yet
            self.abort()
        else:
            self.sendClose(CLOSED_FOR_A_REASON, reason)

    def abort(self) -> None:
        self.transport.abortConnection()

    def pauseProducing(self) -> None:
        self._begin_stall()

    def resumeProducing(self) -> None:
        self._end_stall()
        if self.transport.disconnecting:
            # Twisted closes only what no producer wants to write to.
            self.transport.unregisterProducer()
        elif self._listener is not None:
            self._listener.write_on()

    def stopProducing(self) -> None:
        self.resumeProducing()
