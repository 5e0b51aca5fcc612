from collections.abc import AsyncIterator

import pytest_asyncio
from redis.asyncio import Redis

from delivery import names
from delivery.queue_values import NOWHERE, Device, State
from delivery.queues import LEASE_SECONDS, Queues
from tests.delivery.queue_fixtures import (
    LAPTOP,
    NOBODY,
    PHONE,
    ROOM,
    SITE,
    TTL_SECONDS,
    Clock,
    Sender,
    find_keys,
    texts,
)

SLACK_MS = 5_000  # between the script's PEXPIRE and the test's PTTL


@pytest_asyncio.fixture
async def other_process(clock: Clock) -> AsyncIterator[Queues]:
    yield Queues(ttl_seconds=TTL_SECONDS, now_ms=clock)


async def times_left(redis: Redis, *, without: str = ":holders:") -> set[int]:
    """Return how long the keys live, in whole seconds, rounded up to those the tests know."""
    keys = [key for key in await find_keys(redis) if without not in key]
    return {-(-(await redis.pttl(key)) // SLACK_MS) * SLACK_MS // 1000 for key in keys}


async def test_live_device_keeps_its_messages_for_lease_and_ttl(
    queues: Queues, send: Sender, redis: Redis
) -> None:
    await queues.open(PHONE)
    await send()
    assert await times_left(redis) == {LEASE_SECONDS + TTL_SECONDS}


async def test_released_device_keeps_its_messages_for_the_ttl(
    queues: Queues, send: Sender, redis: Redis
) -> None:
    await queues.open(PHONE)
    await send()
    await queues.release(PHONE)
    assert await times_left(redis) == {TTL_SECONDS}


async def test_message_for_nobody_is_kept_for_the_ttl(send: Sender, redis: Redis) -> None:
    await send()
    assert await times_left(redis) == {TTL_SECONDS}


async def test_room_outlives_its_longest_device(queues: Queues, send: Sender, redis: Redis) -> None:
    await queues.open(PHONE)
    await queues.open(LAPTOP)
    await send()
    await queues.release(LAPTOP)
    of_phone, of_laptop = (
        names.queue_key("sioweb", SITE, ROOM, id_) for id_ in ("phone", "laptop")
    )
    assert await redis.pttl(names.room_key("sioweb", SITE, ROOM)) >= await redis.pttl(of_phone)
    assert await redis.pttl(of_phone) > await redis.pttl(of_laptop)


async def test_every_key_has_a_ttl_whatever_was_done(
    queues: Queues, send: Sender, redis: Redis
) -> None:
    await send(once="a key")
    await queues.claim(SITE, {"a key": "1"})
    await queues.open(PHONE)
    await queues.open(LAPTOP)
    await send(resync=True)
    await queues.renew({PHONE: NOWHERE, LAPTOP: NOWHERE})
    await queues.clear(PHONE)
    await queues.release(LAPTOP)
    await send(resync=True)
    await queues.settle(SITE, {"a key": b"answer"})
    left = [await redis.pttl(key) for key in await find_keys(redis)]
    assert len(left) == 9
    assert min(left) > 0


async def test_ttl_of_zero_keeps_messages_for_ever(
    queues: Queues, send: Sender, redis: Redis, clock: Clock
) -> None:
    await queues.open(PHONE)
    await send()  # with a ttl, as before a change of the configuration
    for_ever = Queues(ttl_seconds=0, now_ms=clock)
    sent = await Sender(for_ever)()
    await for_ever.release(PHONE)
    clock.advance(10 * 365 * 86_400)
    await Sender(for_ever)()
    assert len(await texts(for_ever, PHONE)) == 3
    keys = [key for key in await find_keys(redis) if ":holders:" not in key]
    assert {await redis.pttl(key) for key in keys} == {-1}
    assert (await for_ever.open(PHONE)).epoch == sent.epoch


async def test_renewal_tells_where_the_room_stands(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    assert await queues.renew({PHONE: NOWHERE}) == [State("", 0, True)]
    sent = await send()
    assert await queues.renew({PHONE: NOWHERE, LAPTOP: NOWHERE}) == [
        State(sent.epoch, 1, True, waiting=1),
        State(sent.epoch, 1, False),
    ]


async def test_only_one_of_its_processes_is_told_what_waits_for_a_device(
    queues: Queues, other_process: Queues, send: Sender
) -> None:
    await queues.open(PHONE)
    await other_process.open(PHONE)
    await send()
    await send()
    states = [(await each.renew({PHONE: NOWHERE}))[0] for each in (queues, other_process)]
    assert sorted(state.waiting for state in states) == [0, 2]


async def test_renewal_of_a_device_not_known_writes_nothing(queues: Queues, redis: Redis) -> None:
    assert await queues.renew({PHONE: NOWHERE, NOBODY: NOWHERE}) == 2 * [State("", 0, False)]
    assert await find_keys(redis) == []


async def test_renewal_keeps_a_device_live(queues: Queues, send: Sender, clock: Clock) -> None:
    await queues.open(PHONE)
    await send()
    for _ in range(20):
        clock.advance(LEASE_SECONDS)
        await queues.renew({PHONE: NOWHERE})
    assert len(await texts(queues, PHONE)) == 1


async def test_device_is_live_while_another_process_holds_it(
    queues: Queues, other_process: Queues, send: Sender, clock: Clock
) -> None:
    await queues.open(PHONE)
    clock.advance(20)
    await other_process.open(PHONE)
    await send()
    await queues.release(PHONE)
    clock.advance(LEASE_SECONDS + TTL_SECONDS)
    assert len(await texts(queues, PHONE)) == 1


async def test_last_process_to_release_starts_the_time(
    queues: Queues, other_process: Queues, send: Sender, clock: Clock
) -> None:
    await queues.open(PHONE)
    await other_process.open(PHONE)
    await send()
    await queues.release(PHONE)
    await other_process.release(PHONE)
    clock.advance(TTL_SECONDS + 1)
    assert await texts(queues, PHONE) == []


async def test_lease_of_a_killed_process_runs_out(
    queues: Queues, other_process: Queues, send: Sender, clock: Clock
) -> None:
    await other_process.open(PHONE)
    await queues.open(PHONE)
    await send()
    clock.advance(LEASE_SECONDS + 1)
    await queues.release(PHONE)
    clock.advance(TTL_SECONDS + 1)
    assert await texts(queues, PHONE) == []


async def test_release_of_a_device_not_known_writes_nothing(queues: Queues, redis: Redis) -> None:
    await queues.release(Device(SITE, ROOM, "never seen"))
    assert await find_keys(redis) == []
