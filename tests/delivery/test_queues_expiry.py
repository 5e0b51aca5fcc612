import pytest
from redis.asyncio import Redis

from delivery import names
from delivery.queue_values import NOWHERE, Ack, Acknowledged
from delivery.queues import Queues
from tests.delivery.queue_fixtures import (
    LAPTOP,
    PHONE,
    ROOM,
    SITE,
    TTL_SECONDS,
    Clock,
    Sender,
    find_keys,
    texts,
)


async def test_time_of_a_message_runs_from_when_the_client_left(
    queues: Queues, send: Sender, clock: Clock
) -> None:
    await queues.open(PHONE)
    await send()
    clock.advance(30)
    await queues.release(PHONE)
    clock.advance(TTL_SECONDS)
    assert len(await texts(queues, PHONE)) == 1
    clock.advance(0.001)
    assert await texts(queues, PHONE) == []


async def test_time_of_a_message_for_an_absent_client_runs_from_when_it_was_stored(
    queues: Queues, send: Sender, clock: Clock
) -> None:
    await queues.open(PHONE)
    await queues.release(PHONE)
    await send()
    clock.advance(60)
    await send()
    clock.advance(60)
    backlog = await queues.open(PHONE)
    assert [message.seq for message in backlog.messages] == [2]


async def test_message_for_nobody_expires(queues: Queues, send: Sender, clock: Clock) -> None:
    await send()
    clock.advance(TTL_SECONDS - 1)
    await send()
    clock.advance(2)
    assert [message.seq for message in (await queues.open(PHONE)).messages] == [2]


async def test_expired_message_is_not_the_first_of_its_event(
    queues: Queues, send: Sender, clock: Clock
) -> None:
    await queues.open(PHONE)
    await queues.release(PHONE)
    await send(resync=True)
    clock.advance(60)
    sent = await send(resync=True)
    clock.advance(60)
    [result] = await queues.acknowledge([Ack(PHONE, sent.epoch, (2,), True)])
    assert result == Acknowledged(1)


@pytest.mark.parametrize("count", [1, 2])
async def test_ack_of_an_expired_message_does_nothing(
    queues: Queues, send: Sender, clock: Clock, count: int
) -> None:
    await queues.open(PHONE)
    await queues.release(PHONE)
    sent = [await send() for _ in range(count)]
    clock.advance(TTL_SECONDS + 0.001)
    acks = [Ack(PHONE, each.epoch, (each.seq,), True) for each in sent]
    assert [result.removed for result in await queues.acknowledge(acks)] == [0] * count


async def test_device_gone_for_longer_than_the_ttl_is_forgotten(
    queues: Queues, send: Sender, clock: Clock, redis: Redis
) -> None:
    await queues.open(LAPTOP)
    await queues.open(PHONE)
    await send()
    await queues.release(PHONE)
    clock.advance(TTL_SECONDS + 1)
    await queues.renew({LAPTOP: NOWHERE})
    await send()
    assert not await find_keys(redis, "*phone")
    assert not (await queues.renew({PHONE: NOWHERE}))[0].is_known


async def test_device_that_messages_wait_for_is_not_forgotten(
    queues: Queues, send: Sender, clock: Clock
) -> None:
    await queues.open(PHONE)
    await queues.release(PHONE)
    for _ in range(5):
        clock.advance(60)
        await send()
    assert [message.seq for message in (await queues.open(PHONE)).messages] == [4, 5]


async def test_long_expired_queue_is_dropped_over_several_appends(
    queues: Queues, send: Sender, clock: Clock
) -> None:
    await queues.open(PHONE)
    await queues.release(PHONE)
    for _ in range(120):
        await send()
    clock.advance(TTL_SECONDS + 1)
    for _ in range(3):
        await send()
    assert await queues.clear(PHONE) == 3


async def test_count_of_bytes_starts_anew_after_redis_expired_a_queue(
    queues: Queues, send: Sender, redis: Redis, clock: Clock
) -> None:
    small = Queues(ttl_seconds=TTL_SECONDS, max_bytes=100, now_ms=clock)
    await small.open(PHONE)
    send = Sender(small)
    await send(size=60)
    await redis.delete(*await find_keys(redis, "*:queue:*"), *await find_keys(redis, "*:events:*"))
    assert (await send(size=60)).overflowed == ()


async def test_redis_own_clock_counts_when_there_is_no_other(redis: Redis, clock: Clock) -> None:
    queues = Queues(ttl_seconds=TTL_SECONDS)
    await queues.open(PHONE)
    await Sender(queues)()
    seen_until = await redis.zscore(names.devices_key("sioweb", SITE, ROOM), "phone")
    seconds, microseconds = await redis.time()
    now_ms = seconds * 1000 + microseconds // 1000
    assert seen_until is not None
    assert 0 <= now_ms + 60_000 - float(seen_until) < 5_000
