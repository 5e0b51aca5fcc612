"""Stand-ins on both sides of a feed: an outlet that writes down, queues that wait or fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from delivery.exceptions import RedisUnavailable
from delivery.queue_values import Backlog, Device, Position, Waiting
from delivery.queues import Queues
from tests.delivery.socket_fixtures import until


@dataclass(frozen=True)
class Batch:
    """A batch as it was sent; `acked` is what the feed waits for."""

    epoch: str
    seqs: tuple[int, ...]
    acked: asyncio.Event = field(compare=False, default_factory=asyncio.Event)


@dataclass(frozen=True)
class Single:
    epoch: str
    seq: int


@dataclass
class RecordingOutlet:
    sent: list[Batch | Single | str] = field(default_factory=list)  # a str is a resync's reason
    failed: asyncio.Event = field(default_factory=asyncio.Event)
    is_congested: bool = False
    has_unacked: bool = False  # messages of the device, as a socket counts what it expects

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        await until(lambda: not self.is_congested)
        yield

    @property
    def seqs(self) -> list[int]:
        """Of all messages, in the order they were sent."""
        return [seq for _, seq in self.messages]

    @property
    def messages(self) -> list[tuple[str, int]]:
        """`[(epoch, seq), ...]` in the order they were sent."""
        messages: list[tuple[str, int]] = []
        for each in self.sent:
            if isinstance(each, Batch):
                messages += [(each.epoch, seq) for seq in each.seqs]
            elif isinstance(each, Single):
                messages.append((each.epoch, each.seq))
        return messages

    @property
    def batches(self) -> list[Batch]:
        return [each for each in self.sent if isinstance(each, Batch)]

    @property
    def resyncs(self) -> list[str]:
        return [each for each in self.sent if isinstance(each, str)]

    def send_stored(self, device: Device, epoch: str, message: Waiting) -> None:
        self.sent.append(Single(epoch, message.seq))

    def send_batch(self, device: Device, epoch: str, messages: Sequence[Waiting]) -> asyncio.Event:
        batch = Batch(epoch, tuple(message.seq for message in messages))
        self.sent.append(batch)
        return batch.acked

    def send_resync(self, device: Device, reason: str) -> None:
        for batch in self.batches:
            batch.acked.set()  # as a socket does, which forgets what it expects
        self.sent.append(reason)

    def awaits_ack_of(self, device: Device) -> bool:
        return self.has_unacked

    def fail(self) -> None:
        self.failed.set()


class GatedQueues:
    """Real queues whose reads wait twice, as told: before they run and with their result.

    `stage` is where the read under way is: "idle", "asked", or "answered".
    """

    def __init__(self, queues: Queues, count: int = 500) -> None:
        self._queues = queues
        self._count = count
        self._is_open = False
        self._gate = asyncio.Event()
        self.stage = "idle"

    async def open(self, device: Device, position: Position) -> Backlog:
        return await self._pass(lambda: self._queues.open(device, position, self._count))

    async def read(self, device: Device, position: Position) -> Backlog:
        return await self._pass(lambda: self._queues.read(device, position, self._count))

    async def reach(self, stage: str) -> None:
        """Let the read under way, or the next one, come so far."""
        while self.stage != stage:
            await self.step()

    async def step(self) -> None:
        """Let the read under way come one stage further."""
        stage = self.stage
        self._gate.set()
        if stage == "asked":
            await until(lambda: self.stage == "answered")
        elif stage == "answered":
            await until(lambda: self.stage != "answered")
        else:
            await asyncio.sleep(0)

    def let_all_pass(self, is_open: bool = True) -> None:
        self._is_open = is_open
        self._gate.set()

    async def _pass(self, ask: Callable[[], Awaitable[Backlog]]) -> Backlog:
        await self._wait("asked")
        backlog = await ask()
        await self._wait("answered")
        self.stage = "idle"
        return backlog

    async def _wait(self, stage: str) -> None:
        if not self._is_open:
            self.stage = stage
            self._gate.clear()
            await self._gate.wait()


@dataclass
class FlakyQueues:
    """Real queues whose first reads fail."""

    queues: Queues
    failures: int
    error: Exception = field(default_factory=lambda: RedisUnavailable("gone"))

    def __getattr__(self, step: str) -> Callable[..., Awaitable[Backlog]]:
        async def read(*args: object) -> Backlog:
            if self.failures:
                self.failures -= 1
                raise self.error
            work = cast("Callable[..., Awaitable[Backlog]]", getattr(self.queues, step))
            return await work(*args)

        return read
