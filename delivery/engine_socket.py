"""One Engine.IO connection: python-engineio's socket, with no task where it can do without.

A websocket of a web server that lets us (see `transports.WebSocket`) is taken over once it is
open: what comes is heard in a callback, what goes is written at once, and the ASGI call ends.
Under any other server, and while a client polls, python-engineio's own way is taken.
Between `engine` and `send_queue`.
"""

import asyncio
import contextvars
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from engineio.async_socket import AsyncSocket
from engineio.exceptions import EngineIOError, SocketIsClosedError
from engineio.packet import CLOSE, MESSAGE, NOOP, PING, PONG, UPGRADE, Packet

from delivery.packets import MALFORMED
from delivery.send_queue import SMALL_PACKET_BYTES, SendQueue
from delivery.transports import WebSocket, find_websocket

logger = logging.getLogger(__name__)

PROBE, PROBED, UPGRADED = "2probe", "3probe", "5"  # of a websocket that follows on polling
PLAIN_PONG = "3"
KINDS = frozenset({CLOSE, PONG, MESSAGE, UPGRADE})  # of a client's packets
# Of one client, while a packet before is worked on, besides the largest packet; acks of all that
# may wait for a device are less.
MAX_HEARD_BYTES = 1024 * 1024
NOTHING = contextvars.Context()  # for callbacks of sockets: a copy for each would be kept with it


class Socket(AsyncSocket):
    """One Engine.IO connection."""

    queue: SendQueue
    last_ping: float | None  # when it was sent; None = it is answered
    connected: bool
    upgrading: bool
    websocket: WebSocket | None = None  # the web server's end of it, where it offers one
    _heard: deque[str | bytes] | None = None  # what a task takes, in order
    _heard_bytes: int = 0
    _timer: asyncio.TimerHandle | None = None  # until a ping is sent, or its pong is late

    # --- python-engineio's hooks

    def schedule_ping(self) -> None:
        """As the library's own, by a timer in place of a task for each and one for all."""
        if self.last_ping:
            self.last_ping = None
            self._set_timer(self.server.ping_interval, self._send_ping)

    def _send_ping(self) -> None:
        if not self.closing and not self.closed:
            self.last_ping = time.time()
            self.queue.put_nowait(Packet(PING))
            self._set_timer(self.server.ping_timeout, self._time_out)

    def _time_out(self) -> None:
        """The pong is late. Half-open connections are told that they are closed, too."""
        reason = self.server.reason.PING_TIMEOUT
        self.server.tasks.start(self._end(False, reason))

    async def check_ping_timeout(self) -> bool:
        """Leave that to the timer: the library's own looks at a clock that may be set, and keeps
        even the CLOSE packet from a client that is late."""
        if self.closed:
            raise SocketIsClosedError
        return True

    def _set_timer(self, seconds: float, callback: Callable[[], None]) -> None:
        self._cancel_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, callback, context=NOTHING)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def receive(self, pkt: Packet) -> None:
        """The library passes over kinds that no client sends, or fails on them."""
        if pkt.packet_type in KINDS:
            await super().receive(pkt)
        else:
            logger.info("Transport closed after a packet of kind %d", pkt.packet_type)
            self.server.close_transport(self.sid)

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Refuse what makes no sense; the library would answer 200 and log a traceback."""
        try:
            await super().handle_post_request(environ)
        except MALFORMED as error:
            raise EngineIOError("malformed") from error
        if self.closed:  # and need not come again
            self._forget()

    async def close(
        self, wait: bool = True, abort: bool = False, reason: str | None = None
    ) -> None:
        """Close without waiting until the client has read what is left."""
        was_closed = self.closed
        await super().close(wait=False, abort=abort, reason=reason)
        self._cancel_timer()
        if self.queue.websocket is not None and self.closed and not was_closed:
            self.queue.put_nowait(None)

    async def _upgrade_websocket(self, environ: dict[str, Any]) -> Any:
        """One websocket at a time: of two that follow on polling the wrong one would be taken
        over, and what comes on the other be kept for nobody."""
        if self.upgrading or self.upgraded:
            return self.server._bad_request("Upgraded already")
        self.upgrading = self.connected
        self.websocket = find_websocket(environ["asgi.scope"])
        try:
            return await super()._upgrade_websocket(environ)
        finally:
            self.upgrading = False

    async def _websocket_handler(self, ws: Any) -> None:
        if self.websocket is None:
            await super()._websocket_handler(ws)
        elif not self.connected or await self._is_upgraded(ws):
            self.connected = self.upgraded = True
            self.queue.attach(self.websocket)
            await self.websocket.take_over(self)
        else:
            await ws.close()

    async def _is_upgraded(self, ws: Any) -> bool:
        """Go through the probe of a websocket; polling goes on when it fails.

        Engine.IO protocol 4: the client sends PING "probe" and gets PONG "probe", its poll is
        ended with a NOOP, and it sends UPGRADE. One that does not, or not before its session
        has ended, would stay open for ever.
        """
        try:
            async with asyncio.timeout(self.server.ping_timeout):
                if await ws.wait() != PROBE:
                    return False
                await ws.send(PROBED)
                self.queue.put_nowait(Packet(NOOP))
                return await ws.wait() == UPGRADED and not (self.closing or self.closed)
        except OSError:  # a TimeoutError, too
            return False

    # --- what a websocket that was taken over tells

    def hear(self, packet: str | bytes) -> None:
        """Take what the client sent: acks and pongs now, all else in a task, in order."""
        if len(packet) > self.server.max_http_buffer_size:
            self.server.close_transport(self.sid)
        elif self._heard is not None:
            self._keep(packet, self._heard)
        elif not self._take_at_once(packet) and not self.closing:
            self._heard = deque([packet])
            self.server.tasks.start(self._take_in_order())

    def write_on(self) -> None:
        """The websocket takes more again."""
        self.queue.write_on()

    def end(self) -> None:
        """The websocket is gone."""
        self.queue.clear()
        self.server.tasks.start(self._end(True, self.server.reason.TRANSPORT_CLOSE))

    def _take_at_once(self, packet: str | bytes) -> bool:
        if packet == PLAIN_PONG:
            self.schedule_ping()
            return True
        is_ack = isinstance(packet, str) and packet.startswith("43")
        return is_ack and not self.closed and self.server.take_ack(self.sid, packet[1:])

    def _keep(self, packet: str | bytes, heard: deque[str | bytes]) -> None:
        if self._heard_bytes > MAX_HEARD_BYTES:
            if not self.closing:
                self.server.close_transport(self.sid)
        else:
            heard.append(packet)
            self._heard_bytes += SMALL_PACKET_BYTES + len(packet)

    async def _take_in_order(self) -> None:
        try:
            while self._heard:
                await self._take(self._heard[0])
                self._heard.popleft()
        finally:
            self._heard, self._heard_bytes = None, 0

    async def _take(self, packet: str | bytes) -> None:
        try:
            await self.receive(Packet(encoded_packet=packet))
        except SocketIsClosedError:
            logger.debug("A packet for a socket that is closed")
        except MALFORMED as error:
            logger.info("Transport closed after a malformed frame: %s", type(error).__name__)
            self.server.close_transport(self.sid)
        except Exception:
            logger.exception("A packet of a client failed")

    async def _end(self, abort: bool, reason: str) -> None:
        await self.close(abort=abort, reason=reason)
        self._forget()

    def _forget(self) -> None:
        if self.server.sockets.get(self.sid) is self:
            del self.server.sockets[self.sid]
