"""Queues, the model that they are held against, and the comparison of the two at each step."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from redis.asyncio import Redis

from delivery import names
from delivery.queue_values import NOWHERE, Backlog, Device, Position
from delivery.queues import Queues
from delivery.redis_client import get_async_redis
from tests.delivery.queue_fixtures import ROOM, SITE, TTL_SECONDS, Clock, find_keys
from tests.delivery.queue_index import asks_for_order, entry_of
from tests.delivery.queue_model import Box, RoomModel
from tests.delivery.redis_copies import RedisKeys

T = TypeVar("T")

MAX_DEVICES, MAX_MESSAGES, MAX_BYTES = 3, 5, 100


class QueuesBench(RuleBasedStateMachine):
    """One room in Redis and in the model; what is done to it, rules say."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.queues = {
            name: Queues(
                ttl_seconds=TTL_SECONDS,
                max_messages=MAX_MESSAGES,
                max_bytes=MAX_BYTES,
                max_devices=MAX_DEVICES,
                now_ms=self.clock,
            )
            for name in ("first", "second")
        }
        self.model = RoomModel(
            TTL_SECONDS * 1000, MAX_DEVICES, MAX_MESSAGES, MAX_BYTES, self.clock.ms
        )
        self.epochs: list[str] = []
        self.sent: list[Position] = []  # of every message that was appended, lost ones as well
        self.count = 0
        self.saved: tuple[RedisKeys, RoomModel] | None = None

    def teardown(self) -> None:
        self.run(self.queues["first"].close())
        self.runner.close()

    @initialize()
    def start_empty(self) -> None:
        self.run(self.redis().flushdb())

    @invariant()
    def what_is_stored_agrees_with_itself(self) -> None:
        self.run(self.check_keys())

    async def check_keys(self) -> None:
        redis = get_async_redis("queues")
        room_key = names.room_key("sioweb", SITE, ROOM)
        for key in await find_keys(redis):
            assert await redis.pttl(key) > 0
            base, _, device_id = key.partition(":queue:")
            if key == base:
                continue
            members: Any = await redis.zrange(key, 0, -1)
            size = sum(len(member.split(b"|", 6)[6]) for member in members)
            assert int(await redis.hget(room_key, f"bytes:{device_id}") or -1) == size
            index: Any = await redis.zrange(f"{base}:events:{device_id}", 0, -1)
            assert set(index) <= set(map(entry_of, members))
            is_for_nobody = not device_id and await redis.zscore(f"{base}:devices", "") is None
            asking = [each for each in members if is_for_nobody or asks_for_order(each)]
            assert set(index) >= set(map(entry_of, asking))

    def compare(
        self, backlog: Backlog, box: Box | None, after: int, count: int, max_bytes: int
    ) -> None:
        rest = [stored.waiting for stored in box.queue if stored.waiting.seq > after] if box else []
        portion = rest[:count]
        while len(portion) > 1 and sum(len(each.text) for each in portion) > max_bytes:
            portion.pop()
        assert backlog == Backlog(
            epoch=self.epoch(),
            seq=self.model.seq,
            last_id=self.model.last_id,
            messages=tuple(portion),
            resync_reason=box.take_resync() if box else "",
            is_known=box is not None,
            has_more=len(portion) < len(rest),
        )

    def position(self, back: int) -> Position:
        """Where a client may be: at one of the last messages that were ever sent, or nowhere."""
        return self.sent[-back] if 0 < back <= len(self.sent) else NOWHERE

    def note_lost_state(self, device_id: str, position: Position, epoch: str) -> None:
        if position.epoch != self.epoch() or not position.epoch:
            return
        if self.model.is_taken_back(device_id, position.seq, position.message_id):
            assert epoch not in self.epochs
            self.epochs.append(epoch)
            self.model.lose_state()

    async def read_epoch(self) -> str:
        redis = get_async_redis("queues")
        epoch: Any = await redis.hget(names.room_key("sioweb", SITE, ROOM), "epoch")
        return str(epoch, "ascii")

    def epoch(self) -> str:
        return self.epochs[-1] if self.model.has_epoch else ""

    def redis(self) -> Redis:
        return self.run(_get_redis())

    def run(self, work: Awaitable[T]) -> T:
        return self.runner.run(_wait_for(work))


def device(device_id: str) -> Device:
    return Device(SITE, ROOM, device_id)


async def _wait_for(work: Awaitable[T]) -> T:
    return await work


async def _get_redis() -> Redis:
    return get_async_redis("queues")
