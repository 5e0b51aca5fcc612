"""Whatever happens to announcements, reads and Redis: what the socket gets is right.

Hypothesis makes up a course of events, read by read; now and then all comes to rest, and
what the socket got must be what was sent.
"""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from delivery.feeds import Feed
from delivery.queue_values import NOWHERE, Ack, Appended, Waiting
from delivery.queues import Queues
from delivery.redis_client import close_async_redis, get_async_redis
from tests.delivery.feed_doubles import GatedQueues, RecordingOutlet
from tests.delivery.queue_fixtures import PHONE, TTL_SECONDS, Clock, Sender
from tests.delivery.redis_copies import RedisKeys, dump_all, restore_all
from tests.delivery.socket_fixtures import until

STEPS = st.one_of(
    st.just(("append", 0)),
    st.just(("append_and_announce", 0)),
    st.tuples(st.just("announce"), st.integers(0, 30)),  # so many before the last, or none
    st.tuples(st.just("ack"), st.integers(0, 10)),
    st.just(("ack_batches", 0)),
    st.just(("compare", 0)),
    st.just(("read", 0)),
    st.just(("read", 0)),
    st.just(("lose_state", 0)),
    st.just(("save", 0)),
    st.just(("take_back", 0)),
    st.just(("congest", 0)),
    st.just(("rest", 0)),
)


@dataclass
class Course:
    """One course of events in one room, and what must come of it."""

    queues: Queues
    redis: Redis
    outlet: RecordingOutlet = field(default_factory=RecordingOutlet)
    appended: list[Appended] = field(default_factory=list)
    acked: set[tuple[str, int]] = field(default_factory=set)  # before the socket got it
    losses: int = 0  # of state, since the last rest
    takings_back: int = 0  # of Redis, since the last rest
    saved: tuple[RedisKeys, list[Appended]] | None = None
    resyncs_told: int = 0
    epoch_at_rest: str = ""

    def __post_init__(self) -> None:
        self.gated = GatedQueues(self.queues, count=3)
        self.feed = Feed(PHONE, cast("Queues", self.gated), self.outlet)
        self.send = Sender(self.queues)

    async def append(self, _: int) -> None:
        self.appended.append(await self.send())

    async def append_and_announce(self, _: int) -> None:
        await self.append(0)
        await self.announce(0)

    async def announce(self, back: int) -> None:
        if back < len(self.appended):
            each = self.appended[-1 - back]
            message = Waiting(each.seq, each.message_id, False, "[]", each.previous_id)
            self.feed.offer(each.epoch, message)

    async def ack(self, index: int) -> None:
        """By the socket itself, or by another tab that was faster.

        Not after a taking back: another tab may ack what would show it.
        """
        if index < len(self.appended) and not self.takings_back:
            each = self.appended[index]
            self.acked.add((each.epoch, each.seq))
            await self.queues.acknowledge([Ack(PHONE, each.epoch, (each.seq,), False)])

    async def ack_batches(self, _: int) -> None:
        for batch in self.outlet.batches:
            batch.acked.set()
        await asyncio.sleep(0)

    async def compare(self, _: int) -> None:
        [state] = await self.queues.renew({PHONE: self.feed.position})
        self.feed.compare(state)
        await asyncio.sleep(0)

    async def read(self, _: int) -> None:
        await self.gated.step()

    async def lose_state(self, _: int) -> None:
        await self.redis.flushdb()
        self.losses += 1
        self.saved = None

    async def save(self, _: int) -> None:
        [state] = await self.queues.renew({PHONE: NOWHERE})
        if state.is_known:
            self.saved = await dump_all(self.redis), list(self.appended)

    async def take_back(self, _: int) -> None:
        """Redis restarts from an older file: what was appended since is forgotten."""
        if self.saved is None:
            return
        keys, appended = self.saved
        await restore_all(self.redis, keys)
        forgotten = {(each.epoch, each.seq) for each in self.appended if each not in appended}
        self.appended = list(appended)
        self.takings_back += 1
        if forgotten & set(self.outlet.messages):
            self.losses += 1  # the socket was sent what Redis knows nothing of any more

    async def congest(self, _: int) -> None:
        """The socket takes nothing until the next rest."""
        self.outlet.is_congested = True

    async def rest(self, _: int) -> None:
        """Redis answers, batches are acked, and a lease is renewed."""
        self.outlet.is_congested = False
        self.gated.let_all_pass()
        await self._go_live()
        await self.compare(0)
        await self._go_live()
        self.gated.let_all_pass(is_open=False)
        await self._check()

    async def _go_live(self) -> None:
        def is_live() -> bool:
            for batch in self.outlet.batches:
                batch.acked.set()
            return self.feed.is_live

        await until(is_live)

    async def _check(self) -> None:
        messages = self.outlet.messages
        assert len(set(messages)) == len(messages), "something came twice"
        epochs = list(dict.fromkeys(epoch for epoch, _ in messages))
        in_order = sorted(messages, key=lambda each: (epochs.index(each[0]), each[1]))
        assert messages == in_order, "something came too late"
        [state] = await self.queues.renew({PHONE: self.feed.position})
        sent = {(each.epoch, each.seq) for each in self.appended if each.epoch == state.epoch}
        assert sent - self.acked <= set(messages), "something is missing"
        self._check_resyncs(state.epoch)

    def _check_resyncs(self, epoch: str) -> None:
        resyncs = self.outlet.resyncs[self.resyncs_told :]
        assert set(resyncs) <= {"state_lost"}
        assert len(resyncs) <= self.losses + self.takings_back
        assert bool(resyncs) or not (self.losses and self.epoch_at_rest)
        self.resyncs_told, self.epoch_at_rest = len(self.outlet.resyncs), epoch
        self.losses = self.takings_back = 0
        self.saved = None
        self.appended = [each for each in self.appended if each.epoch == epoch]


@settings(max_examples=200)
@given(before=st.integers(0, 8), steps=st.lists(STEPS, max_size=40))
async def test_socket_gets_everything_in_order_once_and_a_lost_state_is_told_once(
    before: int, steps: list[tuple[str, int]]
) -> None:
    redis = get_async_redis("queues")
    await redis.flushdb()
    course = Course(Queues(ttl_seconds=TTL_SECONDS, now_ms=Clock()), redis)
    for _ in range(before):
        await course.append(0)
    course.feed.start()
    for name, argument in [*steps, ("rest", 0)]:
        await getattr(course, name)(argument)
    course.feed.close()
    await close_async_redis("queues")
