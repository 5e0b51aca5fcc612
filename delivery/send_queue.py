"""The packets that wait to be sent over one transport, counted in bytes.

Who writes much asks first how much is unsent. A message for a websocket that nothing
waits for is written past the queue. What waits is taken by python-engineio, when a client
polls and where the web server offers no more than ASGI, or goes to the websocket as soon
as that takes more. Below `frames`; imports python-engineio's packet class, nothing of the
project.
"""

import asyncio
import time
from collections import deque
from functools import cached_property
from math import inf
from typing import Protocol
from weakref import WeakSet

from engineio.packet import OPEN, PING, Packet

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

    def finish(self) -> None:
        """Close it behind what was written."""


class Frame(Packet):
    """A packet with its size in bytes; shared by all sockets that get it."""

    def __init__(self, packet_type: int, data: str) -> None:
        super().__init__(packet_type, data=data)
        self.size = len(data) if data.isascii() else len(data.encode())

    @cached_property
    def wire(self) -> bytes:
        r"""The packet as one websocket frame of a server.

        >>> Frame(4, '2/newsite,["hello"]').wire
        b'\x81\x1442/newsite,["hello"]'
        """
        return websocket_frame(self.encode().encode())


def websocket_frame(text: bytes) -> bytes:
    """A text as one frame of a server: not masked (RFC 6455, section 5.2)."""
    length = len(text)
    if length < 126:
        return bytes((0x81, length)) + text
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + text
    return b"\x81\x7f" + length.to_bytes(8, "big") + text


class Unsent:
    """What is unsent of all transports of a process together."""

    def __init__(self) -> None:
        self._queues: WeakSet[SendQueue] = WeakSet()  # in which something waits
        self._is_much = False
        self._counted_at = -inf

    def add(self, queue: "SendQueue") -> None:
        self._queues.add(queue)

    def discard(self, queue: "SendQueue") -> None:
        self._queues.discard(queue)

    def is_much(self) -> bool:
        now = time.monotonic()
        if now - self._counted_at > COUNT_SECONDS:
            total = sum(queue.unsent_bytes for queue in self._queues)
            self._is_much, self._counted_at = total > MAX_UNSENT_OF_ALL_BYTES, now
        return self._is_much


class SendQueue:
    """A transport's queue: asyncio.Queue's part of it that python-engineio uses, and holding
    nothing while nothing waits.

    What was taken counts as unsent until more is asked for: by then python-engineio has
    written it to the websocket, or answered a poll with it.
    """

    def __init__(self, unsent: Unsent | None = None) -> None:
        self.unsent_bytes = 0
        self.websocket: DirectWebSocket | None = None  # that what is put here goes to
        self._unsent = unsent or Unsent()
        self._packets: deque[Packet | None] | None = None
        self._taken_bytes = 0
        self._getters: list[asyncio.Future[None]] | None = None
        self._waiters: list[asyncio.Future[None]] | None = None

    def attach(self, websocket: DirectWebSocket) -> None:
        """Write what waits, and all that comes, to the websocket; nobody else takes packets."""
        self.websocket = websocket
        self._count(-self._taken_bytes)
        self._taken_bytes = 0
        self.write_on()

    def write_on(self) -> None:
        """The websocket takes more now, or again."""
        while self._packets:
            packet = self._packets[0]
            if packet is None:
                self.clear()
                self.websocket.finish()  # type: ignore[union-attr]  # there is one
            elif self.websocket.write(_wire(packet)):  # type: ignore[union-attr]
                self._count(-_size(self._pop()))
            else:
                break
        if self._waiters and not self.has_unsent(DRAINED_BYTES):
            _wake(self._waiters)
            self._waiters = None

    def put_nowait(self, packet: Packet | None) -> None:
        """None = the transport ends behind what waits."""
        if self._packets is None:
            self._packets = deque()
        if packet is not None and packet.packet_type == PING:
            # Not behind a megabyte: a slow reader is not a dead one. But behind the opening.
            self._packets.insert(1 if self.look_at_opening() else 0, packet)
        else:
            self._packets.append(packet)
        self._count(_size(packet))
        if self.websocket is not None:
            self.write_on()
        elif self._getters:
            _wake(self._getters)
            self._getters = None

    async def put(self, packet: Packet | None) -> None:
        self.put_nowait(packet)

    async def get(self) -> Packet | None:
        self._count(-self._taken_bytes)
        self._taken_bytes = 0
        if self._waiters and not self.has_unsent(DRAINED_BYTES):
            _wake(self._waiters)
            self._waiters = None
        while not self._packets:
            getter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._getters = [*(self._getters or ()), getter]
            await getter
        return self._take()

    def look_at_opening(self) -> Packet | None:
        """Return the packet that begins the session, and leave it; None = it has gone."""
        first = self._packets[0] if self._packets else None
        return first if first is not None and first.packet_type == OPEN else None

    def get_nowait(self) -> Packet | None:
        """Raises asyncio.QueueEmpty also when enough was taken."""
        if not self._packets or self._taken_bytes >= MAX_TAKEN_BYTES:
            raise asyncio.QueueEmpty
        return self._take()

    def task_done(self) -> None:
        """Nobody waits for that: see `Socket.close`."""

    def qsize(self) -> int:
        return len(self._packets or ())

    def empty(self) -> bool:
        return not self._packets

    def has_unsent(self, limit: int) -> bool:
        """Whether more is unsent than `limit`, or than its share while all have much."""
        if self.unsent_bytes > limit:
            return True
        return self.unsent_bytes > SHARE_BYTES and self._unsent.is_much()

    async def drained(self) -> None:
        """Wait until so little is unsent that more may be written."""
        if self.has_unsent(DRAINED_BYTES):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters = [*(self._waiters or ()), waiter]
            await waiter

    def clear(self) -> None:
        """Drop what was not taken yet."""
        self._packets = None
        self._count(self._taken_bytes - self.unsent_bytes)
        if self._waiters:
            _wake(self._waiters)
            self._waiters = None

    def _take(self) -> Packet | None:
        packet = self._pop()
        self._taken_bytes += _size(packet)
        return packet

    def _pop(self) -> Packet | None:
        packets: deque[Packet | None] = self._packets  # type: ignore[assignment]  # has one
        packet = packets.popleft()
        if not packets:
            self._packets = None
        return packet

    def _count(self, more: int) -> None:
        was_nothing, self.unsent_bytes = not self.unsent_bytes, self.unsent_bytes + more
        if was_nothing and self.unsent_bytes:
            self._unsent.add(self)
        elif not was_nothing and not self.unsent_bytes:
            self._unsent.discard(self)


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def _size(packet: Packet | None) -> int:
    return getattr(packet, "size", SMALL_PACKET_BYTES)


def _wire(packet: Packet) -> bytes:
    if isinstance(packet, Frame):
        return packet.wire
    return websocket_frame(packet.encode().encode())
