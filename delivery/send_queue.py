"""The packets that wait to be sent over one transport, counted in bytes.

python-engineio puts packets here and takes them; who writes much asks first how much
is unsent. A message for a websocket that nothing waits for is written past the queue.
Below `frames`; imports python-engineio's packet class, nothing of the project.
"""

import asyncio
import time
from functools import cached_property
from math import inf
from typing import Protocol
from weakref import WeakSet

from engineio.packet import PING, Packet

MAX_TAKEN_BYTES = 64 * 1024  # taken at a time: what was taken cannot be dropped any more
DRAINED_BYTES = 256 * 1024  # unsent, when whoever waits for it goes on
# Of all transports of a process. While more is unsent, each has this share and no more: a
# thousand that do not read would have a gigabyte. Texts that many share count for each.
MAX_UNSENT_OF_ALL_BYTES = 256 * 1024 * 1024
SHARE_BYTES = 64 * 1024
COUNT_SECONDS = 0.1  # between two times that all are added up
SMALL_PACKET_BYTES = 64  # for what only opens, pings, acknowledges and closes


class DirectWebSocket(Protocol):
    """A web server's websocket that takes frames as they go over the wire."""

    def write(self, frame: bytes) -> bool:
        """Write it at once; False = it cannot now, and nothing was written."""


class Frame(Packet):
    """A packet with its size in bytes; shared by all sockets that get it."""

    def __init__(self, packet_type: int, data: str) -> None:
        super().__init__(packet_type, data=data)
        self.size = len(data) if data.isascii() else len(data.encode())

    @cached_property
    def wire(self) -> bytes:
        r"""The packet as one websocket frame of a server: not masked (RFC 6455, section 5.2).

        >>> Frame(4, '2/newsite,["hello"]').wire
        b'\x81\x1442/newsite,["hello"]'
        """
        payload: bytes = self.encode().encode()
        length = len(payload)
        if length < 126:
            return bytes((0x81, length)) + payload
        if length < 65_536:
            return b"\x81\x7e" + length.to_bytes(2, "big") + payload
        return b"\x81\x7f" + length.to_bytes(8, "big") + payload


class Unsent:
    """What is unsent of all transports of a process together."""

    def __init__(self) -> None:
        self._queues: WeakSet[SendQueue] = WeakSet()
        self._is_much = False
        self._counted_at = -inf

    def add(self, queue: "SendQueue") -> None:
        self._queues.add(queue)

    def is_much(self) -> bool:
        now = time.monotonic()
        if now - self._counted_at > COUNT_SECONDS:
            total = sum(queue.unsent_bytes for queue in self._queues)
            self._is_much, self._counted_at = total > MAX_UNSENT_OF_ALL_BYTES, now
        return self._is_much


class SendQueue(asyncio.Queue[Packet | None]):
    """A transport's queue. What was taken counts as unsent until more is asked for: by then
    python-engineio has written it to the websocket, or answered a poll with it."""

    def __init__(self, unsent: Unsent | None = None) -> None:
        super().__init__()
        self.unsent_bytes = 0
        self._unsent = unsent or Unsent()
        self._unsent.add(self)
        self.websocket: DirectWebSocket | None = None  # where the web server offers one
        self._taken_bytes = 0
        self._waiters: list[asyncio.Future[None]] = []

    async def get(self) -> Packet | None:
        self.unsent_bytes -= self._taken_bytes
        self._taken_bytes = 0
        if self._waiters and not self.has_unsent(DRAINED_BYTES):
            self._wake()
        return await super().get()

    def get_nowait(self) -> Packet | None:
        """Raises asyncio.QueueEmpty also when enough was taken."""
        if self._taken_bytes >= MAX_TAKEN_BYTES:
            raise asyncio.QueueEmpty
        return super().get_nowait()

    def has_unsent(self, limit: int) -> bool:
        """Whether more is unsent than `limit`, or than its share while all have much."""
        if self.unsent_bytes > limit:
            return True
        return self.unsent_bytes > SHARE_BYTES and self._unsent.is_much()

    async def drained(self) -> None:
        """Wait until so little is unsent that more may be written."""
        if self.has_unsent(DRAINED_BYTES):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def clear(self) -> None:
        """Drop what was not taken yet."""
        self._queue.clear()  # type: ignore[attr-defined]  # asyncio's own, for subclasses
        self.unsent_bytes = self._taken_bytes
        self._wake()

    def _put(self, packet: Packet | None) -> None:
        self.unsent_bytes += _size(packet)
        queue = self._queue  # type: ignore[attr-defined]
        if packet is not None and packet.packet_type == PING:
            # Not behind a megabyte: a slow reader is not a dead one.
            queue.appendleft(packet)
        else:
            queue.append(packet)

    def _get(self) -> Packet | None:
        packet: Packet | None = super()._get()
        self._taken_bytes += _size(packet)
        return packet

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()


def _size(packet: Packet | None) -> int:
    return getattr(packet, "size", SMALL_PACKET_BYTES)
