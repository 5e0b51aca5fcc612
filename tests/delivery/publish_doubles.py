"""Stand-ins for the steps behind a publisher: they record, fail or wait as told."""

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from delivery.backplane import Backplane, Broadcast
from delivery.counters import Counters
from delivery.exceptions import BackplaneUnavailable, RedisUnavailable
from delivery.journal import Journal
from delivery.message import Message
from delivery.publish import Publisher
from delivery.queue_values import Appended, QueueLimits, ToStore
from delivery.queues import Queues
from delivery.storing import Storing
from delivery.switchboard import Switchboard


@dataclass
class RecordingBackplane:
    stored: list[tuple[str, Message, Appended]] = field(default_factory=list)
    broadcast: list[tuple[str, Message, tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=list
    )
    failing: set[str] = field(default_factory=set)  # "stored", "broadcast"

    async def announce_stored(
        self, site: str, messages: Iterable[tuple[Message, Appended]]
    ) -> None:
        self._fail_if("stored")
        self.stored += [(site, message, appended) for message, appended in messages]

    async def announce_broadcasts(self, site: str, broadcasts: Iterable[Broadcast]) -> None:
        self._fail_if("broadcast")
        self.broadcast += [
            (site, each.message, tuple(each.shared_rooms), tuple(each.user_rooms))
            for each in broadcasts
        ]

    def _fail_if(self, step: str) -> None:
        if step in self.failing:
            raise BackplaneUnavailable("gone")


@dataclass
class FailingQueues:
    """Real queues, of which the steps named fail."""

    queues: Queues
    failing: set[str]

    def __getattr__(self, step: str) -> object:
        if step in self.failing:
            return self._fail
        return getattr(self.queues, step)

    async def _fail(self, *args: object, **options: object) -> None:
        raise RedisUnavailable("gone")


@dataclass
class SlowQueues:
    """Real queues whose append waits until released."""

    queues: Queues
    announces: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def append_all(
        self, site: str, messages: Sequence[ToStore], limits: QueueLimits
    ) -> list[Appended]:
        self.reached.set()
        await self.released.wait()
        return await self.queues.append_all(site, messages, limits)


def make_publisher(queues: object, backplane: RecordingBackplane, first_id: int = 100) -> Publisher:
    store, plane = cast("Queues", queues), cast("Backplane", backplane)
    counters, journal = Counters(), Journal()
    switchboard = Switchboard(store, plane, counters, journal)
    storing = Storing(store, plane, switchboard, counters)
    new_id = itertools.count(first_id).__next__
    return Publisher(store, storing, plane, new_id, counters, journal)
