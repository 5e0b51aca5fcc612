"""Who is online, as the leases of all processes say."""

import pytest
from redis.asyncio import Redis

from delivery.presence import Presence, UserPresence
from delivery.queues import LEASE_SECONDS, Queues
from tests.delivery.queue_fixtures import LAPTOP, NOBODY, PHONE, ROOM, SITE, TTL_SECONDS, find_keys


@pytest.fixture
def queues(redis: Redis) -> Queues:
    """By Redis' own clock, as the presence is."""
    return Queues(ttl_seconds=TTL_SECONDS)


async def find() -> UserPresence:
    [user] = await Presence().find(SITE, [ROOM])
    return user


async def now_ms(redis: Redis) -> int:
    seconds, microseconds = await redis.time()
    return int(seconds * 1000 + microseconds // 1000)


async def test_user_who_was_never_seen_is_offline(redis: Redis) -> None:
    user = await find()
    assert (user.is_online, user.since_ms, user.devices) == (False, 0, ())
    assert await find_keys(redis) == []


async def test_user_is_online_since_the_first_device_came(queues: Queues, redis: Redis) -> None:
    before = await now_ms(redis)
    await queues.know([PHONE])
    between = await now_ms(redis)
    await queues.know([LAPTOP, NOBODY])
    user = await find()
    assert user.is_online
    assert before <= user.since_ms <= between
    assert {each.id: each.is_online for each in user.devices} == {
        "phone": True,
        "laptop": True,
        "": True,
    }


async def test_time_of_coming_stays_while_any_process_has_the_device(queues: Queues) -> None:
    other = Queues(ttl_seconds=TTL_SECONDS)
    await queues.know([PHONE])
    since = (await find()).since_ms
    await other.know([PHONE])
    await queues.open(PHONE)
    await queues.release(PHONE)
    user = await find()
    assert (user.is_online, user.since_ms) == (True, since)
    assert user.lease_ends_ms > since


async def test_user_is_offline_since_the_last_device_left(queues: Queues, redis: Redis) -> None:
    await queues.know([PHONE, LAPTOP])
    await queues.release(PHONE)
    assert (await find()).is_online
    before = await now_ms(redis)
    await queues.release(LAPTOP)
    user = await find()
    assert not user.is_online
    assert before <= user.since_ms <= await now_ms(redis)
    [key] = [key for key in await find_keys(redis) if key.endswith(":room")] or [""]
    assert not key  # nothing but the times of coming was in it


async def test_device_of_a_killed_process_is_offline_when_its_lease_has_run_out(
    redis: Redis,
) -> None:
    past = await now_ms(redis) - 1000 * (LEASE_SECONDS + 1)
    killed = Queues(ttl_seconds=TTL_SECONDS, now_ms=lambda: past)
    await killed.know([PHONE])
    await redis.delete(*[key for key in await find_keys(redis) if ":holders:" in key])
    user = await find()
    assert (user.is_online, user.since_ms) == (False, past + 1000 * LEASE_SECONDS)


async def test_device_that_comes_back_is_online_from_then_on(queues: Queues, redis: Redis) -> None:
    await queues.know([PHONE])
    await queues.release(PHONE)
    before = await now_ms(redis)
    await queues.know([PHONE])
    assert (await find()).since_ms >= before


async def test_many_rooms_are_asked_for_at_once(queues: Queues) -> None:
    await queues.know([PHONE])
    users = await Presence().find(SITE, ["user_2", ROOM, "user_3"])
    assert [(user.room, user.is_online) for user in users] == [
        ("user_2", False),
        (ROOM, True),
        ("user_3", False),
    ]
