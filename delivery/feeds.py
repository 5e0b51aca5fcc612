"""One socket's place in one user room: the epoch and seq it was last sent.

Between the `switchboard`, which passes on announcements, and `connections`, which writes. A feed
is CATCHING_UP (it reads the queue, announcements only say how far there is to go) or LIVE (the
next seq is written as it is announced). In either, the queue decides what the socket gets.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum, auto
from typing import Protocol

from delivery.exceptions import RedisUnavailable
from delivery.queue_values import NOWHERE, Backlog, Device, Known, Position, State, Waiting
from delivery.queues import Queues

logger = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 1.0
REQUESTED = "requested"  # a resync that somebody has asked for
FORGOTTEN = "%(site)s/%(room)s '%(device)s' was forgotten after %(message)s, with what waited"


class FeedState(Enum):
    CATCHING_UP = auto()
    LIVE = auto()
    CLOSED = auto()


class Outlet(Protocol):
    """The socket, as a feed sees it."""

    @property
    def is_congested(self) -> bool:
        """Whether so much is unsent that nothing more should be written now."""

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Wait until the socket takes more, and until no other feed of it is reading."""

    def send_stored(self, device: Device, epoch: str, message: Waiting) -> None: ...

    def send_batch(
        self, device: Device, epoch: str, messages: Sequence[Waiting]
    ) -> asyncio.Event: ...

    def send_resync(self, device: Device, reason: str) -> None: ...

    def awaits_ack_of(self, device: Device) -> bool: ...

    def fail(self) -> None: ...


class Feed:
    """The stream of one user room to one socket, in order of seq, none twice, none left out."""

    def __init__(self, device: Device, queues: Queues, outlet: Outlet) -> None:
        self.device = device
        self._queues = queues
        self._outlet = outlet
        self._state = FeedState.CATCHING_UP
        # Of the last message written, acked elsewhere, or given up; "" = not known.
        self.position = NOWHERE
        self._announced = ("", 0)  # epoch and seq, the furthest while catching up; "" = nothing
        self._given_up_at = ("", 0)  # epoch and seq up to which the client was told to reload
        self._task: asyncio.Task[None] | None = None

    @property
    def is_live(self) -> bool:
        return self._state is FeedState.LIVE

    def start(self, known: Known | None = None) -> None:
        """Go live behind batches of what waits up to where the room stood, None = of all."""
        if known is None or known.is_waiting:
            self._run(lambda: self._replay(known and known.position.seq))
        else:
            self.position, self._state = known.position, FeedState.LIVE

    def close(self) -> None:
        self._state = FeedState.CLOSED
        if self._task is not None:
            self._task.cancel()

    def offer(self, epoch: str, message: Waiting) -> None:
        """Take an announced message: write it if it is the next one, find out if it is not."""
        if self._state is not FeedState.LIVE:
            self._note_announced(epoch, message.seq)
        elif self._is_next(epoch, message) and not self._outlet.is_congested:
            self._outlet.send_stored(self.device, epoch, message)
            self.position = Position(epoch, message.seq, message.id)
        elif epoch != self.position.epoch or message.seq > self.position.seq:
            self._catch_up()

    def give_up(self, reason: str, epoch: str, seq: int) -> None:
        """The queue was dropped up to `seq`: ask the client to reload, go on from there.

        One incident may be heard of in several ways; the client is told once. A request is
        its own incident: nothing need have been sent since the last one.
        """
        given_up_epoch, given_up_seq = self._given_up_at
        if reason != REQUESTED and epoch == given_up_epoch and seq <= given_up_seq:
            return
        self._given_up_at = (epoch, seq)
        if epoch == self.position.epoch or not self.position.epoch:
            self._skip_to(Position(epoch, seq))
        self._outlet.send_resync(self.device, reason)

    def compare(self, state: State) -> None:
        """Catch up where Redis, asked with the lease renewal, is ahead or has lost its state."""
        if self._state is not FeedState.LIVE:
            return
        here = self.position
        if not state.is_known or state.epoch != here.epoch or state.seq > here.seq:
            self._catch_up()

    @property
    def _fields(self) -> dict[str, object]:
        """For the log: the device, and the last message that the socket was sent."""
        return self.device.fields | {"message": self.position.message_id}

    def _is_next(self, epoch: str, message: Waiting) -> bool:
        """Whether it follows on the last one; if not by its id, Redis was taken back."""
        here = self.position
        is_same_state = epoch == here.epoch or not here.epoch
        is_other = here.message_id and message.previous_id not in ("", here.message_id)
        return is_same_state and message.seq == here.seq + 1 and not is_other

    def _note_announced(self, epoch: str, seq: int) -> None:
        if epoch != self._announced[0] or seq > self._announced[1]:
            self._announced = (epoch, seq)

    def _catch_up(self) -> None:
        self._state = FeedState.CATCHING_UP
        self._run(self._read_to_the_end)

    def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        self._task = asyncio.create_task(self._guarded(work))

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            # The client comes back on a new connection and is served from the queue.
            logger.exception(
                "Feed of %(site)s/%(room)s '%(device)s' failed, closing its socket", self._fields
            )
            self._outlet.fail()
        finally:
            if self._task is asyncio.current_task():
                self._task = None

    async def _replay(self, end: int | None) -> None:
        """1. Open the queue. 2. Send what waited up to `end`, in batches, each after the ack of the
        one before. 3. Send one by one what came since. 4. Go live."""
        read = self._open
        while True:
            async with self._outlet.turn():
                self._announced = ("", 0)
                backlog = await self._persistently(read)
                if not self._accept(backlog):
                    break
                end = backlog.seq if end is None else end
                messages = [each for each in self._unsent(backlog) if each.seq <= end]
                if not messages:
                    self._finish(backlog)
                    break
                acked = self._outlet.send_batch(self.device, backlog.epoch, messages)
                self._reach(backlog.epoch, messages[-1])
            if self.position.seq >= end or not backlog.has_more:
                break
            await acked.wait()
            read = self._read_on
        await self._read_to_the_end()

    async def _read_to_the_end(self) -> None:
        """Send one by one what waits past our place, until nothing was announced meanwhile."""
        read = self._read_on
        while self._state is not FeedState.LIVE:
            async with self._outlet.turn():
                self._announced = ("", 0)
                backlog = await self._persistently(read)
                if not self._accept(backlog, is_reopened=read == self._open):
                    read = self._open
                    continue
                read = self._read_on
                self._finish(backlog)

    def _accept(self, backlog: Backlog, *, is_reopened: bool = False) -> bool:
        """Take over epoch and pending resync; False when the device must be opened anew."""
        if self.position.epoch not in ("", backlog.epoch):
            logger.warning(
                "State of %(site)s/%(room)s '%(device)s' was lost after %(message)s", self._fields
            )
            self._outlet.send_resync(self.device, "state_lost")
            self.position = Position(backlog.epoch)
            return False
        if not backlog.is_known:
            return False
        # What waits now came after the incident.
        first = backlog.messages[0].seq if backlog.messages else backlog.seq + 1
        if backlog.resync_reason:
            self.give_up(backlog.resync_reason, backlog.epoch, first - 1)
        elif is_reopened and (
            0 < self.position.seq < first - 1 or self._outlet.awaits_ack_of(self.device)
        ):
            logger.warning(FORGOTTEN, self._fields)
            self.give_up("overflow", backlog.epoch, first - 1)
        return True

    def _unsent(self, backlog: Backlog) -> list[Waiting]:
        return [message for message in backlog.messages if message.seq > self.position.seq]

    def _finish(self, backlog: Backlog) -> None:
        """Write all of it, and go live when it is all, and nothing was announced meanwhile."""
        for message in self._unsent(backlog):
            self._outlet.send_stored(self.device, backlog.epoch, message)
            self._reach(backlog.epoch, message)
        if backlog.has_more:
            return
        self._skip_to(Position(backlog.epoch, backlog.seq, backlog.last_id))
        epoch, seq = self._announced
        if epoch in ("", self.position.epoch) and seq <= self.position.seq:
            self._state = FeedState.LIVE

    def _reach(self, epoch: str, message: Waiting) -> None:
        self.position = Position(epoch, message.seq, message.id)

    def _skip_to(self, position: Position) -> None:
        if position.seq > self.position.seq:
            self.position = position

    def _open(self, device: Device) -> Awaitable[Backlog]:
        return self._queues.open(device, self.position)

    def _read_on(self, device: Device) -> Awaitable[Backlog]:
        return self._queues.read(device, self.position)

    async def _persistently(self, read: Callable[[Device], Awaitable[Backlog]]) -> Backlog:
        """Read, again and again while Redis is out of reach."""
        wait_seconds = FIRST_RETRY_SECONDS
        while True:
            try:
                return await read(self.device)
            except RedisUnavailable:
                await asyncio.sleep(wait_seconds)
                wait_seconds = min(2 * wait_seconds, LONGEST_RETRY_SECONDS)
