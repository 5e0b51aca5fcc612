"""What a client sends over a websocket that was taken over: heard in order, and not without end.

The base of `engine.Socket`. Acks, pongs and connects, which are nearly all, are taken in the
callback.
"""

import asyncio
import logging
from collections import deque
from typing import Any

from engineio.async_socket import AsyncSocket
from engineio.exceptions import SocketIsClosedError, UnknownPacketError
from engineio.packet import CLOSE, MESSAGE, PONG, UPGRADE, Packet

from delivery.packets import MALFORMED
from delivery.send_queue import SMALL_PACKET_BYTES
from delivery.transports import WebSocket

logger = logging.getLogger(__name__)

PLAIN_PONG = "3"
KINDS = frozenset({CLOSE, PONG, MESSAGE, UPGRADE})  # of a client's packets
# Of one client, while a packet before is worked on, besides the largest packet; acks of all that
# may wait for a device are less.
MAX_HEARD_BYTES = 1024 * 1024
# Of one client, before it has to be so slow: acks and tokens are far less, events are ignored.
MAX_SENT_BYTES, SENT_WINDOW_SECONDS = 8 * 1024 * 1024, 10.0
PACKET_BYTES = 256  # what the work on each packet counts as, besides its own: 30,000 are too many


class HearingSocket(AsyncSocket):
    server: Any
    sid: str
    websocket: WebSocket | None = None  # the web server's end of it, where it offers one
    _heard: deque[str | bytes] | None = None  # what a task takes, in order
    _heard_bytes: int = 0
    _sent_bytes: int = 0  # by the client, since
    _sent_since: float = 0.0
    _is_given_up: bool = False

    def hear(self, packet: str | bytes) -> None:
        """Take what the client sent: what is short now, all else in a task, in order."""
        size = len(packet)
        self._sent_bytes += PACKET_BYTES + size
        if self._is_given_up:
            return
        is_much = self._sent_bytes > MAX_SENT_BYTES
        if size > self.server.max_http_buffer_size or (is_much and self._sends_too_fast()):
            self.give_up()
        elif self._heard is not None:
            self._keep(packet, self._heard)
        elif not self._take_at_once(packet) and not self.closing:
            self._heard = deque([packet])
            self.server.tasks.start(self._take_in_order())

    async def receive(self, pkt: Packet) -> None:
        """The library passes over kinds that no client sends. Raises UnknownPacketError, so that
        a POST is answered with 400."""
        if self._is_given_up:
            return  # it came with what was too much, in one POST
        if pkt.packet_type not in KINDS:
            logger.info("Transport closed after a packet of kind %d", pkt.packet_type)
            self.give_up()
            raise UnknownPacketError
        await super().receive(pkt)

    def give_up(self) -> None:
        """Close it, and look at nothing more of what the client sent and sends."""
        self._is_given_up = True
        if self.websocket is not None:
            self.websocket.stop_reading()
        self.server.close_transport(self.sid)

    def _take_at_once(self, packet: str | bytes) -> bool:
        if packet == PLAIN_PONG:
            self.schedule_ping()
            return True
        if not isinstance(packet, str) or self.closed:
            return False
        if packet.startswith("43"):
            return bool(self.server.take_ack(self.sid, packet[1:]))
        return packet.startswith("40") and bool(self.server.take_connect(self.sid, packet[1:]))

    def _keep(self, packet: str | bytes, heard: deque[str | bytes]) -> None:
        if self._heard_bytes > MAX_HEARD_BYTES:
            self.give_up()
        else:
            heard.append(packet)
            self._heard_bytes += SMALL_PACKET_BYTES + len(packet)

    def _sends_too_fast(self) -> bool:
        """Whether that much came within one window; a new one begins if it did not."""
        now = asyncio.get_running_loop().time()
        if now - self._sent_since < SENT_WINDOW_SECONDS:
            logger.warning("A client that sends too much is disconnected")
            return True
        self._sent_bytes, self._sent_since = 0, now
        return False

    async def _take_in_order(self) -> None:
        try:
            while self._heard and not self._is_given_up:
                await self._take(self._heard[0])
                self._heard.popleft()
        finally:
            self._heard, self._heard_bytes = None, 0

    async def _take(self, packet: str | bytes) -> None:
        try:
            await self.receive(Packet(encoded_packet=packet))
        except (SocketIsClosedError, UnknownPacketError):
            logger.debug("A packet for a socket that is closed, or is now")
        except MALFORMED as error:
            logger.info("Transport closed after a malformed frame: %s", type(error).__name__)
            self.give_up()
        except Exception:
            logger.exception("A packet of a client failed")
