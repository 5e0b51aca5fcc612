"""Daphne's websocket, with an end to what it buffers for a client that does not read.

Daphne hands everything to Twisted at once, which keeps what the network does not take.
Here a write waits while that is more than Twisted's 64 KiB, so that what is unsent stays
in a queue that is counted. Below `web_server`; imports nothing of the project.
"""

import asyncio
import logging
from functools import partial
from typing import Any

from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

logger = logging.getLogger(__name__)

# What `write` reaches for inside Twisted; without it everything goes python-engineio's way.
CAN_WRITE_AT_ONCE = all(
    hasattr(FileDescriptor(), name) for name in ("dataBuffer", "_tempDataBuffer", "writeSomeData")
)
if not CAN_WRITE_AT_ONCE:
    logger.warning("This Twisted is not known: websockets are written to the slower way")

CLOSE_SECONDS = 5.0  # for a slow reader to take what is on its way, and read why it is closed
CLOSED_FOR_A_REASON = 4000  # a code for what the protocol has none for
STALLED_SECONDS = 60.0  # a client that takes nothing for so long is gone


@implementer(IPushProducer)
class FlowControlledWebSocket(WebSocketProtocol):
    """One websocket; Twisted's producer of its own, in place of the HTTP channel's."""

    def connectionMade(self) -> None:
        self._writable: asyncio.Event | None = None  # while the buffer is full
        super().connectionMade()
        if self.transport.producer is not None:
            self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)

    def connectionLost(self, reason: Any) -> None:
        self.resumeProducing()
        self.factory.turnstile.enter(partial(super().connectionLost, reason))

    async def wait_until_writable(self) -> None:
        """Raises TimeoutError when the client takes nothing; its connection is cut then."""
        if self._writable is None:
            return
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await self._writable.wait()
        except TimeoutError:
            logger.warning("A client that takes nothing is cut off: %s", self.client_addr)
            self.transport.abortConnection()
            raise

    def write(self, frame: bytes) -> bool:
        """Write a frame that is ready: at once, in one system call, where nothing waits.

        Twisted's own `write` would add the socket to epoll, write in the next turn of the loop
        and take it out again. False while the client does not read, or when it is gone.
        """
        if self._writable is not None or self.state != self.STATE_OPEN or not CAN_WRITE_AT_ONCE:
            return False
        transport = self.transport
        if not transport.dataBuffer and not transport._tempDataBuffer:
            written = transport.writeSomeData(frame)
            if written == len(frame):
                return True
            if isinstance(written, int):
                frame = frame[written:]
            # Else the connection is lost: Twisted finds that out with its own write.
        transport.write(frame)
        return True

    def close(self, reason: str) -> None:
        """Close it now, whatever is unsent; autobahn cuts it if no answer comes in time."""
        self.sendClose(CLOSED_FOR_A_REASON, reason)

    def abort(self) -> None:
        self.transport.abortConnection()

    def pauseProducing(self) -> None:
        if self._writable is None:
            self._writable = asyncio.Event()

    def resumeProducing(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None
        if self.transport.disconnecting:
            # Twisted closes only what no producer wants to write to.
            self.transport.unregisterProducer()

    def stopProducing(self) -> None:
        self.resumeProducing()
