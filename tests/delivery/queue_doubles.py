"""Real queues under watch: what `acks` and `leases` ask of them, and when."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from delivery.exceptions import RedisUnavailable
from delivery.queue_values import Ack, Acknowledged, Device, Position, State
from delivery.queues import Queues

T = TypeVar("T")


@dataclass
class WatchedQueues:
    """Writes down what acks and renewals ask for; they wait at `gate`, and fail as told."""

    queues: Queues
    acked: list[tuple[Ack, ...]] = field(default_factory=list)  # one entry a call
    renewed: list[tuple[Device, ...]] = field(default_factory=list)
    done: int = 0  # calls that Redis answered
    outages: int = 0  # calls that it did not
    error: Exception | None = None  # what the next call fails with
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def __getattr__(self, step: str) -> object:
        return getattr(self.queues, step)

    async def acknowledge(self, acks: Sequence[Ack]) -> list[Acknowledged]:
        self.acked.append(tuple(acks))
        return await self._watch(lambda: self.queues.acknowledge(acks))

    async def renew(self, positions: Mapping[Device, Position]) -> list[State]:
        self.renewed.append(tuple(positions))
        return await self._watch(lambda: self.queues.renew(positions))

    async def _watch(self, step: Callable[[], Awaitable[T]]) -> T:
        await self.gate.wait()
        error, self.error = self.error, None
        if error is not None:
            raise error
        try:
            result = await step()
        except RedisUnavailable:
            self.outages += 1
            raise
        self.done += 1
        return result
