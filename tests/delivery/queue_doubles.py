"""Real queues under watch: what `acks` and `leases` ask of them, and when."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from delivery.exceptions import RedisUnavailable
from delivery.queues import Ack, Acknowledged, Device, Queues, State

T = TypeVar("T")


@dataclass
class WatchedQueues:
    """Writes down what acks and renewals ask for; they wait at `gate`, and fail as told."""

    queues: Queues
    acked: list[tuple[Ack, ...]] = field(default_factory=list)  # one entry a call
    renewed: list[tuple[Device, ...]] = field(default_factory=list)
    outages: int = 0  # calls that Redis did not answer
    error: Exception | None = None  # what the next call fails with
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def __getattr__(self, step: str) -> object:
        return getattr(self.queues, step)

    async def acknowledge(self, acks: Sequence[Ack]) -> list[Acknowledged]:
        self.acked.append(tuple(acks))
        return await self._watch(lambda: self.queues.acknowledge(acks))

    async def renew(self, devices: Sequence[Device]) -> list[State]:
        self.renewed.append(tuple(devices))
        return await self._watch(lambda: self.queues.renew(devices))

    async def _watch(self, step: Callable[[], Awaitable[T]]) -> T:
        await self.gate.wait()
        error, self.error = self.error, None
        if error is not None:
            raise error
        try:
            return await step()
        except RedisUnavailable:
            self.outages += 1
            raise
