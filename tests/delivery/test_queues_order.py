"""Which ack is out of order, and the index that tells it; see order.lua."""

from typing import Any

import pytest
from redis.asyncio import Redis

from delivery import names
from delivery.queue_values import Ack, Acknowledged, Appended, Device
from delivery.queues import Queues
from tests.delivery.queue_fixtures import (
    LAPTOP,
    PHONE,
    ROOM,
    SITE,
    TTL_SECONDS,
    Clock,
    Sender,
    texts,
)
from tests.delivery.queue_index import index_last, index_of

FEW, MANY = 2, 200  # many take several steps to index
SHORT_MS = 50_000  # less than any queue here is kept


def index_key(device: Device) -> str:
    return index_of(names.queue_key("sioweb", SITE, ROOM, device.id))


async def ack(queues: Queues, sent: Appended, device: Device = PHONE) -> Acknowledged:
    [result] = await queues.acknowledge([Ack(device, sent.epoch, (sent.seq,), True)])
    return result


async def indexed(redis: Redis, device: str = "phone") -> list[int]:
    """Return the seqs of the messages that the index has."""
    entries: Any = await redis.zrange(index_key(Device(SITE, ROOM, device)), 0, -1)
    return sorted(int(entry.rpartition(b"\0")[2]) for entry in entries)


async def lifetimes(redis: Redis) -> tuple[int, int]:
    """Return for how long in ms the queue and its index are kept."""
    queue = names.queue_key("sioweb", SITE, ROOM, "phone")
    return await redis.pttl(queue), await redis.pttl(index_key(PHONE))


async def test_no_index_without_a_message_that_asks(
    queues: Queues, send: Sender, redis: Redis
) -> None:
    await queues.open(PHONE)
    for _ in range(FEW):
        await send()
    assert await indexed(redis) == []


async def test_an_index_begins_with_the_first_that_asks_and_ends_with_the_queue(
    queues: Queues, send: Sender, redis: Redis
) -> None:
    await queues.open(PHONE)
    sent = [await send(resync=resync) for resync in (False, True, False, True)]
    assert await indexed(redis) == [2, 3, 4]
    for each in sent:
        assert await ack(queues, each) == Acknowledged(1)
    await send()
    assert await indexed(redis) == []


@pytest.mark.parametrize("count", [1, FEW, MANY])
async def test_ack_behind_what_is_not_indexed_is_out_of_order(
    queues: Queues, send: Sender, count: int
) -> None:
    await queues.open(PHONE)
    for _ in range(count):
        await send()
    last = await send(resync=True)
    assert await ack(queues, last) == Acknowledged(count + 1, count + 1)
    assert await texts(queues, PHONE) == []


@pytest.mark.parametrize("count", [1, FEW, MANY])
async def test_ack_behind_other_events_that_are_not_indexed_is_in_order(
    queues: Queues, send: Sender, redis: Redis, count: int
) -> None:
    await queues.open(PHONE)
    for _ in range(count):
        await send("other")
    last = await send(resync=True)
    assert await ack(queues, last) == Acknowledged(1)
    assert await indexed(redis) == list(range(1, count + 1))


async def test_an_index_is_built_once(queues: Queues, send: Sender, redis: Redis) -> None:
    await queues.open(PHONE)
    events = ("first", "second", "third", "fourth")
    sent = [await send(event, resync=event == "fourth") for event in events]
    await ack(queues, sent[3])
    later = [await send("fifth"), await send("fourth", resync=True)]
    await redis.pexpire(index_key(PHONE), SHORT_MS)
    assert not (await ack(queues, later[1])).dropped_to
    assert await indexed(redis) == [1, 2, 3, 5]
    assert await redis.pttl(index_key(PHONE)) <= SHORT_MS  # one that is built has its queue's


@pytest.mark.parametrize("device", [PHONE, LAPTOP])
async def test_queues_of_two_devices_have_each_an_index(
    queues: Queues, send: Sender, redis: Redis, device: Device
) -> None:
    await queues.open(PHONE)
    await queues.open(LAPTOP)
    sent = [await send("first"), await send("second", resync=True)]
    assert not (await ack(queues, sent[1], device)).dropped_to
    seqs = {each.id: await indexed(redis, each.id) for each in (PHONE, LAPTOP)}
    assert seqs == {"phone": [2], "laptop": [2]} | {device.id: [1]}


async def test_an_index_that_begins_late_is_kept_as_long_as_its_queue(
    queues: Queues, send: Sender, redis: Redis, clock: Clock
) -> None:
    await queues.open(PHONE)
    await send()
    await send(resync=True)
    kept_ms, index_kept_ms = await lifetimes(redis)
    assert 0 < kept_ms == pytest.approx(index_kept_ms, abs=1000)


@pytest.mark.parametrize("is_away", [False, True])
async def test_an_index_that_is_built_is_kept_as_long_as_its_queue(
    queues: Queues, send: Sender, redis: Redis, clock: Clock, is_away: bool
) -> None:
    await queues.open(PHONE)
    await send("first")
    last = await send(resync=True)
    if is_away:
        await queues.release(PHONE)
        clock.advance(TTL_SECONDS / 2)
    assert not (await ack(queues, last)).dropped_to
    kept_ms, index_kept_ms = await lifetimes(redis)
    assert 0 < kept_ms == pytest.approx(index_kept_ms, abs=1000)


async def test_an_index_is_kept_for_ever_where_queues_are(redis: Redis) -> None:
    queues = Queues(ttl_seconds=0)
    await queues.open(PHONE)
    send = Sender(queues)
    await send("first")
    assert not (await ack(queues, await send(resync=True))).dropped_to
    assert await lifetimes(redis) == (-1, -1)


async def test_what_is_kept_for_the_first_device_has_an_index(
    queues: Queues, send: Sender, redis: Redis
) -> None:
    """Else 1.0.0 fails of renaming it, and the device cannot connect."""
    await send()
    assert await indexed(redis, "") == [1]
    await queues.open(PHONE)
    assert await indexed(redis) == [1]


@pytest.mark.parametrize("indexed_last", [1, 2, 3, 4])
async def test_what_1_0_0_has_stored_behind_others_is_told_from_them(
    queues: Queues, send: Sender, redis: Redis, indexed_last: int
) -> None:
    """All of it, as 1.0.0 leaves it, or only the last, where both have stored."""
    await queues.open(PHONE)
    sent = [await send(event) for event in ("other", "update", "other")]
    sent.append(await send(resync=True))
    await index_last(redis, indexed_last)
    assert (await ack(queues, sent[3])).dropped_to


async def test_what_1_0_0_has_stored_is_acked_in_order(
    queues: Queues, send: Sender, redis: Redis
) -> None:
    await queues.open(PHONE)
    sent = [await send(event, resync=event != "first") for event in ("first", "second", "third")]
    await index_last(redis, 3)
    for each in reversed(sent):
        assert await ack(queues, each) == Acknowledged(1)
    assert await indexed(redis) == []


async def test_clearing_takes_the_index_along(queues: Queues, send: Sender, redis: Redis) -> None:
    await queues.open(PHONE)
    await send(resync=True)
    await queues.clear(PHONE)
    assert await indexed(redis) == []
