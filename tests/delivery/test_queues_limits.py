from dataclasses import replace

import pytest
from pytest_django import Settings
from redis.asyncio import Redis

from delivery.names import room_key
from delivery.queue_values import Ack, Position
from delivery.queues import Queues
from sioweb_project.limits_config import Limits
from tests.delivery.queue_fixtures import (
    LAPTOP,
    NOBODY,
    PHONE,
    ROOM,
    SITE,
    TTL_SECONDS,
    Clock,
    Sender,
    texts,
)


@pytest.fixture
def queues(queues: Queues, clock: Clock) -> Queues:
    return Queues(ttl_seconds=TTL_SECONDS, max_messages=3, max_bytes=1000, now_ms=clock)


async def test_limits_are_those_of_the_configuration(
    redis: Redis, clock: Clock, settings: Settings
) -> None:
    limits = Limits(queue_messages=1, queue_bytes=100)
    settings.CONFIG = replace(settings.CONFIG, limits=limits)
    send = Sender(Queues(ttl_seconds=TTL_SECONDS, now_ms=clock))
    sent = [await send(size=size) for size in (1, 1, 200, 1)]
    assert [bool(each.overflowed) for each in sent] == [False, True, True, False]


async def test_queue_of_too_many_messages_is_dropped_whole(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    sent = [await send() for _ in range(4)]
    assert [each.overflowed for each in sent] == [(), (), (), ("phone",)]
    assert sent[-1].seq == 4
    assert await queues.clear(PHONE) == 0


async def test_queue_of_too_many_bytes_is_dropped_whole(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    sent = [await send(size=450) for _ in range(3)]
    assert [each.overflowed for each in sent] == [(), (), ("phone",)]


async def test_cleared_bytes_do_not_count(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    for _ in range(5):
        assert not (await send(size=600)).overflowed
        await queues.clear(PHONE)


@pytest.mark.parametrize("count", [1, 2])
async def test_acked_bytes_do_not_count(queues: Queues, send: Sender, count: int) -> None:
    await queues.open(PHONE)
    for _ in range(5):
        sent = [await send(size=600 // count) for _ in range(count)]
        assert not any(each.overflowed for each in sent)
        for each in sent:
            await queues.acknowledge([Ack(PHONE, each.epoch, (each.seq,), True)])


async def test_message_too_big_for_any_queue_is_an_overflow(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    assert (await send(size=2000)).overflowed == ("phone",)


async def test_client_learns_of_the_overflow_once(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    for _ in range(4):
        await send()
    backlog = await queues.read(PHONE, Position(seq=3))
    assert (backlog.resync_reason, backlog.seq, backlog.messages) == ("overflow", 4, ())
    assert (await queues.open(PHONE)).resync_reason == ""


async def test_queue_goes_on_after_an_overflow(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    for _ in range(5):
        await send()
    assert await texts(queues, PHONE) == ['["update",5]']


async def test_overflow_of_one_device_leaves_the_others(
    queues: Queues, send: Sender, clock: Clock
) -> None:
    await queues.open(PHONE)
    await send()
    await queues.open(LAPTOP)
    sent = [await send() for _ in range(3)]
    assert sent[-1].overflowed == ("phone",)
    assert len(await texts(queues, LAPTOP)) == 3


async def test_overflow_is_noted_up_to_the_message_that_was_too_many(
    queues: Queues, send: Sender, redis: Redis, clock: Clock, settings: Settings
) -> None:
    await queues.open(PHONE)
    await queues.open(LAPTOP)
    await send(size=600)
    await queues.clear(LAPTOP)
    await send(size=600)
    key = room_key(settings.CONFIG.redis.prefix, SITE, ROOM)
    fields = await redis.hmget(key, "seq", "last", "drops:phone", "bytes:phone", "bytes:laptop")
    length = str(len(f'["update",2,"{"x" * 600}"]')).encode()
    assert fields == [b"2", b"2", f"{clock()}:2:overflow;".encode(), None, length]


async def test_overflow_for_nobody_is_told_to_the_first_device(
    queues: Queues, send: Sender
) -> None:
    sent = [await send() for _ in range(4)]
    assert sent[-1].overflowed == ("",)
    assert (await queues.open(PHONE)).resync_reason == "overflow"
    assert (await queues.open(LAPTOP)).resync_reason == ""
    assert (await queues.open(NOBODY)).resync_reason == ""


async def test_overflow_is_not_forgotten_with_a_device_long_gone(
    queues: Queues, send: Sender, clock: Clock
) -> None:
    await queues.open(PHONE)
    await queues.release(PHONE)
    clock.advance(TTL_SECONDS - 1)
    for _ in range(4):
        await send()
    clock.advance(TTL_SECONDS - 1)
    assert (await queues.open(PHONE)).resync_reason == "overflow"


async def test_limit_of_a_queue_is_ten_thousand_messages(queues: Queues, clock: Clock) -> None:
    real = Queues(ttl_seconds=TTL_SECONDS, now_ms=clock)
    await real.open(PHONE)
    send = Sender(real)
    sent = [await send() for _ in range(10_001)]
    assert [each.seq for each in sent if each.overflowed] == [10_001]
