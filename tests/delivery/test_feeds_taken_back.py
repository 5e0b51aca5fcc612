"""Redis comes back from an older file, or a replica that was behind takes over."""

from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from delivery.feeds import Feed
from delivery.queue_values import Appended
from delivery.queues import Queues
from tests.delivery.feed_doubles import RecordingOutlet, Single
from tests.delivery.feed_fixtures import announce, compare
from tests.delivery.queue_fixtures import LAPTOP, NOBODY, Sender
from tests.delivery.redis_copies import RedisKeys, dump_all, restore_all
from tests.delivery.socket_fixtures import until


@dataclass
class TakenBack:
    """A feed that was sent 1, 2 and 3; Redis knows of 1 and 2 only."""

    feed: Feed
    redis: Redis
    copy: RedisKeys
    third: Appended


@pytest.fixture
async def taken_back(feed: Feed, send: Sender, redis: Redis) -> TakenBack:
    announce(feed, await send(), await send())
    copy = await dump_all(redis)
    third = await send()
    announce(feed, third)
    await restore_all(redis, copy)
    return TakenBack(feed, redis, copy, third)


async def test_it_is_noticed_with_the_next_renewal(
    taken_back: TakenBack, queues: Queues, send: Sender, outlet: RecordingOutlet
) -> None:
    await compare(taken_back.feed, queues)
    await compare(taken_back.feed, queues)
    assert outlet.resyncs == ["state_lost"]
    announce(taken_back.feed, await send())
    assert len(outlet.seqs) == 4
    assert outlet.resyncs == ["state_lost"]


async def test_it_is_noticed_by_the_next_renewal_when_the_seq_was_given_again(
    taken_back: TakenBack, queues: Queues, send: Sender, outlet: RecordingOutlet
) -> None:
    again = await send()
    assert again.seq == taken_back.third.seq
    announce(taken_back.feed, again)  # taken for one that was sent
    await compare(taken_back.feed, queues)
    assert outlet.resyncs == ["state_lost"]


async def test_it_is_noticed_by_a_message_that_follows_on_another(
    taken_back: TakenBack, send: Sender, outlet: RecordingOutlet
) -> None:
    announce(taken_back.feed, await send(), await send())
    await until(lambda: outlet.resyncs)
    await until(lambda: taken_back.feed.is_live)
    assert outlet.resyncs == ["state_lost"]
    new = await send()
    announce(taken_back.feed, new)
    assert outlet.sent[-1] == Single(new.epoch, new.seq)


async def test_devices_that_are_not_there_are_told_when_they_come(
    taken_back: TakenBack, queues: Queues, redis: Redis, outlet: RecordingOutlet
) -> None:
    await queues.open(LAPTOP)
    await queues.release(LAPTOP)
    await compare(taken_back.feed, queues)
    assert (await queues.open(LAPTOP)).resync_reason == "state_lost"
    assert (await queues.open(LAPTOP)).resync_reason == ""
    assert outlet.resyncs == ["state_lost"]


async def test_a_device_that_redis_has_forgotten_as_well_is_told(
    feed: Feed, queues: Queues, send: Sender, redis: Redis, outlet: RecordingOutlet
) -> None:
    await queues.open(NOBODY)
    announce(feed, await send())
    copy = {key: value for key, value in (await dump_all(redis)).items() if b"phone" not in key}
    announce(feed, await send())
    await restore_all(redis, copy)
    await redis.zrem(next(key for key in copy if key.endswith(b":devices")), "phone")
    await compare(feed, queues)
    assert outlet.resyncs == ["state_lost"]


async def test_a_feed_that_was_not_ahead_goes_on_without_a_word(
    feed: Feed, queues: Queues, send: Sender, redis: Redis, outlet: RecordingOutlet
) -> None:
    announce(feed, await send(), await send())
    await restore_all(redis, await dump_all(redis))
    await compare(feed, queues)
    announce(feed, await send())
    assert outlet.seqs == [1, 2, 3]
    assert outlet.resyncs == []
