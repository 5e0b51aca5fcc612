"""One socket in one namespace: what its client is sent, and what it has yet to acknowledge.

What the `switchboard` and the `feeds` have for it goes out through `frames`; acks come in
from `namespace` and go on to `acks`. All state is this process's own and dies with it: the
queue is the truth.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import randrange

from delivery.counters import SiteCounts
from delivery.feeds import Feed
from delivery.frames import EngineSocket, batch_text, event_text, write, write_event
from delivery.journal import Journal
from delivery.queue_values import Ack, Device, Known, Waiting
from delivery.send_queue import Frame
from sites.snapshots import SiteSnapshot

MAX_UNSENT_BYTES = 1024 * 1024  # of a socket: past it, its user rooms wait in their queues
MAX_UNSENT_WITH_BROADCASTS = 2 * MAX_UNSENT_BYTES  # what has no queue may come on top
MAX_PENDING_ACKS = 20_000  # of a socket; a queue has 10,000, another tab may ack them
TOO_SLOW = "The client reads too slowly"
# A stock client acks late on the connection that it has by then: under a number of the former one,
# which must be none of this one's. Clients in Java and Swift read 31 bits.
FIRST_ACK_IDS = 2**30
REMEMBERED_MESSAGES = 1_000  # ids a socket of several user rooms compares new messages with


@dataclass(eq=False, slots=True)
class PendingAck:
    """What one ack id stands for; `done` is set for a batch, whose ack lets the next one go."""

    acks: list[Ack]
    done: asyncio.Event | None = None
    copies: int = 1  # messages that the client got with it
    sent_at: float = 0.0  # by time.monotonic()


def _before_first_ack_id() -> int:
    return randrange(FIRST_ACK_IDS)  # noqa: S311, nobody gains by guessing it


@dataclass(eq=False, slots=True)
class Connection:
    """One socket in one namespace."""

    sid: str
    site: SiteSnapshot
    device_id: str
    rooms: tuple[str, ...]
    find_socket: Callable[[], EngineSocket | None]
    close_transport: Callable[[str], None]  # with the reason that the client is told
    submit_acks: Callable[[Sequence[Ack]], None]
    counts: SiteCounts  # of the site
    journal: Journal
    is_ready: bool = False  # the client has been told that it is connected
    feeds: dict[str, Feed] = field(default_factory=dict)  # user room -> feed
    # Of user rooms whose feeds are still to be started: where they stand, and which of them have
    # heard of something since.
    known: dict[str, Known] | None = None
    stirred: set[str] | None = None
    _pending: dict[int, PendingAck] = field(default_factory=dict)
    _last_ack_id: int = field(default_factory=_before_first_ack_id)
    _sent: OrderedDict[str, PendingAck] = field(default_factory=OrderedDict)  # by message id
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def namespace(self) -> str:
        return f"/{self.site.name}"

    @property
    def devices(self) -> list[Device]:
        """Its place in each of its user rooms."""
        return self.devices_in(self.rooms)

    def devices_in(self, rooms: Iterable[str]) -> list[Device]:
        """Its place in those of the rooms that are user rooms."""
        return [
            Device(self.site.name, room, self.device_id)
            for room in rooms
            if self.site.is_user_room(room)
        ]

    def note_stirred(self, rooms: Iterable[str]) -> None:
        """Announcements to these may have come before their feeds."""
        if self.stirred is not None:
            self.stirred.update(rooms)

    def take_known(self) -> dict[str, Known]:
        """Where its new user rooms stand; where something has stirred, it waits by now."""
        known, self.known = self.known or {}, None
        stirred, self.stirred = self.stirred or set(), None
        for room in stirred.intersection(known):
            known[room] = known[room]._replace(is_waiting=True)
        return known

    @property
    def is_congested(self) -> bool:
        socket = self.find_socket()
        if socket is None or not socket.queue.unsent_bytes:
            return False
        return socket.queue.has_unsent(MAX_UNSENT_BYTES)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Let one feed after the other read its queue and write, when the socket takes more."""
        async with self._turn:
            socket = self.find_socket()
            if socket is not None:
                await socket.queue.drained()
            yield

    def send_broadcast(self, frame: Frame) -> None:
        """Write what is kept nowhere; a socket that cannot take it is closed."""
        limit = MAX_UNSENT_WITH_BROADCASTS if self.feeds else MAX_UNSENT_BYTES
        socket = self.find_socket()
        if socket is not None and socket.queue.unsent_bytes > limit:
            self.counts.dropped += socket.queue.qsize() + 1
            socket.queue.clear()
            self.close_transport(TOO_SLOW)
        else:
            write(socket, frame)

    def send_stored(self, device: Device, epoch: str, message: Waiting) -> None:
        """Write a stored message with an ack id; a second copy only joins the ack of the first."""
        ack = Ack(device, epoch, (message.seq,), True, (message.id,))
        first = self._sent.get(message.id)
        if first is not None:
            self._join(first, ack)
        else:
            pending = PendingAck([ack])
            if len(self.feeds) > 1:
                self._remember_sent(message, pending)
            write_event(self.find_socket(), self.site.name, message.text, self._expect(pending))
            self.counts.stored += 1
        self.journal.sent(device, ack.ids)

    def send_batch(self, device: Device, epoch: str, messages: Sequence[Waiting]) -> asyncio.Event:
        """Write what waited as one event; the result is set once the client has acked it."""
        seqs = tuple(message.seq for message in messages)
        ids = tuple(message.id for message in messages)
        done = asyncio.Event()
        pending = PendingAck([Ack(device, epoch, seqs, False, ids)], done)
        texts = [each.text for each in messages if each.id not in self._sent]
        if len(self.feeds) > 1:
            for message in messages:
                self._remember_sent(message, pending)
        if texts:
            pending.copies = len(texts)
            self.counts.stored += len(texts)
            self._write(batch_text(self.site.batch_event, texts), self._expect(pending))
        else:
            self._settle(pending)
        self.journal.sent(device, ids)
        return done

    def send_resync(self, device: Device, reason: str) -> None:
        """Ask the client to reload; acks for what was sent of that device mean nothing any more."""
        self.counts.resync(reason)
        self._forget(device)
        self._write(event_text(self.site.resync_event, {"reason": reason}))

    def send_settings(self, settings: dict[str, object]) -> None:
        self._write(event_text("_settings", settings))

    def acknowledge(self, ack_id: int) -> bool:
        """Take the client's ack; False when nothing was sent with this id or it came before."""
        pending = self._pending.pop(ack_id, None)
        if pending is None:
            return False
        self.counts.ack(pending.copies, time.monotonic() - pending.sent_at)
        self._settle(pending)
        return True

    def awaits_ack_of(self, device: Device) -> bool:
        """Whether the client has not acknowledged all that it was sent of that device."""
        pending = self._pending.values()
        return any(ack.device == device for each in pending for ack in each.acks)

    def fail(self) -> None:
        self.close_transport("The service failed")

    def close_feeds(self, rooms: Iterable[str]) -> None:
        """Of rooms it is no longer in; the client's acks for what it was sent there still count."""
        for room in rooms:
            feed = self.feeds.pop(room, None)
            if feed is not None:
                feed.close()

    def close(self) -> None:
        self.close_feeds(list(self.feeds))  # and lets go of them, as they know this connection
        self._pending.clear()

    def _write(self, text: str, ack_id: int | None = None) -> None:
        write_event(self.find_socket(), self.site.name, text, ack_id)

    def _expect(self, pending: PendingAck) -> int:
        self._last_ack_id += 1
        pending.sent_at = time.monotonic()
        self._pending[self._last_ack_id] = pending
        if len(self._pending) > MAX_PENDING_ACKS:
            # Another tab acks them; if none does, they come again after the next connect.
            oldest = self._pending.pop(next(iter(self._pending)))
            if oldest.done is not None:  # else its room would get nothing more
                oldest.done.set()
        return self._last_ack_id

    def _settle(self, pending: PendingAck) -> None:
        if pending.acks:
            self.submit_acks(pending.acks)
        pending.acks = []
        if pending.done is not None:
            pending.done.set()

    def _join(self, first: PendingAck, ack: Ack) -> None:
        """Of a second copy: a call named several rooms of this client."""
        if first.acks:
            first.acks.append(ack)
        else:  # acked already
            self.submit_acks([ack])

    def _remember_sent(self, message: Waiting, pending: PendingAck) -> None:
        self._sent[message.id] = pending
        if len(self._sent) > REMEMBERED_MESSAGES:
            self._sent.popitem(last=False)

    def _forget(self, device: Device) -> None:
        for ack_id, pending in list(self._pending.items()):
            pending.acks = [ack for ack in pending.acks if ack.device != device]
            if not pending.acks:
                del self._pending[ack_id]
                self._settle(pending)
