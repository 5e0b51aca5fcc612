"""Joins of groups return when Redis has confirmed them, whatever happens meanwhile."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from delivery import shard
from tests.delivery.layer_fixtures import (
    Layer,
    count_subscribers,
    wait_for_subscribers,
)
from tests.delivery.redis_proxy import RedisProxy
from tests.delivery.socket_fixtures import until


async def test_group_is_subscribed_in_redis_when_group_add_returns(
    layer: Layer, redis: Redis
) -> None:
    channel = await layer.new_channel()
    for number in range(100):
        await layer.group_add(f"room.{number}", channel)
        assert await count_subscribers(redis, layer, f"room.{number}") == 1


async def test_both_of_two_concurrent_joins_wait_for_the_confirmation(
    far_layer: Layer, redis_proxy: RedisProxy, redis: Redis
) -> None:
    channel = await far_layer.new_channel()
    redis_proxy.hang()
    joins = [asyncio.create_task(far_layer.group_add("room", channel)) for _ in range(2)]
    await until(lambda: redis_proxy.held)
    assert not any(join.done() for join in joins)
    redis_proxy.flow()
    await asyncio.gather(*joins)
    assert await count_subscribers(redis, far_layer, "room") == 1


async def test_what_is_joined_while_redis_has_not_answered_is_one_command(
    far_layer: Layer, redis_proxy: RedisProxy, redis: Redis
) -> None:
    async def count_commands() -> int:
        return int((await redis.info("commandstats"))["cmdstat_subscribe"]["calls"])

    channel = await far_layer.new_channel()
    before = await count_commands()
    redis_proxy.hang()
    joins = [asyncio.create_task(far_layer.group_add("first", channel))]
    await until(lambda: redis_proxy.held)
    for number in range(20):
        joins.append(asyncio.create_task(far_layer.group_add(f"room.{number}", channel)))
        await asyncio.sleep(0)
    redis_proxy.flow()
    await asyncio.gather(*joins)
    assert await count_commands() - before == 2


async def test_join_survives_that_the_one_before_it_is_cancelled(
    far_layer: Layer, redis_proxy: RedisProxy, redis: Redis
) -> None:
    channel = await far_layer.new_channel()
    shard = far_layer._get_layer()._shards[0]
    async with shard._lock:
        first, second = (
            asyncio.create_task(far_layer.group_add("room", channel)) for _ in range(2)
        )
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
    await second
    assert await count_subscribers(redis, far_layer, "room") == 1


async def test_each_of_two_concurrent_joins_hears_that_redis_is_gone(
    far_layer: Layer, redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await far_layer.new_channel()
    monkeypatch.setattr(shard, "REPLY_TIMEOUT_SECONDS", 0.01)
    await redis_proxy.shut()
    joins = [far_layer.group_add("room", channel) for _ in range(2)]
    failures = await asyncio.gather(*joins, return_exceptions=True)
    assert all(isinstance(failure, RedisError | OSError) for failure in failures)


async def test_first_join_hears_at_once_that_redis_is_gone(
    far_layer: Layer, redis_proxy: RedisProxy
) -> None:
    await redis_proxy.shut()
    with pytest.raises(RedisError):
        await far_layer.new_channel()


async def test_join_waits_for_a_redis_that_is_soon_back(
    far_layer: Layer, redis_proxy: RedisProxy, redis: Redis
) -> None:
    channel = await far_layer.new_channel()
    await redis_proxy.shut()
    join = asyncio.create_task(far_layer.group_add("room", channel))
    await asyncio.sleep(0)
    await redis_proxy.open()
    await join
    assert await count_subscribers(redis, far_layer, "room") == 1


async def test_join_that_redis_does_not_confirm_times_out(
    far_layer: Layer, redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await far_layer.new_channel()
    monkeypatch.setattr(shard, "REPLY_TIMEOUT_SECONDS", 0.01)
    redis_proxy.hang()
    with pytest.raises(TimeoutError):
        await far_layer.group_add("room", channel)


async def take_back_a_join(far_layer: Layer, redis_proxy: RedisProxy) -> str:
    """Ask a Redis that hangs for a group, and leave it again; return whose channel that was."""
    channel: str = await far_layer.new_channel()
    redis_proxy.hang()
    first = asyncio.create_task(far_layer.group_add("room", channel))
    await until(lambda: redis_proxy.held)
    first.cancel()
    await asyncio.wait([first])
    await far_layer.group_discard("room", channel)
    return channel


async def test_join_taken_back_unconfirmed_and_made_again_is_heard(
    far_layer: Layer, redis_proxy: RedisProxy, redis: Redis
) -> None:
    channel = await take_back_a_join(far_layer, redis_proxy)
    second = asyncio.create_task(far_layer.group_add("room", channel))
    redis_proxy.flow()
    await second
    assert await count_subscribers(redis, far_layer, "room") == 1


async def test_join_taken_back_unconfirmed_does_not_count_as_joined_later(
    far_layer: Layer, redis_proxy: RedisProxy, redis: Redis
) -> None:
    channel = await take_back_a_join(far_layer, redis_proxy)
    redis_proxy.flow()
    await wait_for_subscribers(redis, far_layer, "room", 0)
    await far_layer.group_add("room", channel)
    assert await count_subscribers(redis, far_layer, "room") == 1


async def test_group_left_and_joined_at_once_stays_joined(layer: Layer, redis: Redis) -> None:
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    for _ in range(50):
        await asyncio.gather(layer.group_discard("room", channel), layer.group_add("room", channel))
        assert await count_subscribers(redis, layer, "room") == 1


async def test_group_left_is_no_longer_subscribed(layer: Layer, redis: Redis) -> None:
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.group_discard("room", channel)
    await wait_for_subscribers(redis, layer, "room", 0)


async def test_joins_that_fail_leave_nothing_behind_where_others_stay(
    far_layer: Layer, redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await far_layer.new_channel()
    monkeypatch.setattr(far_layer._get_layer()._shard._joins._patience, "_seconds", 0.01)
    redis_proxy.hang()
    taken_back = asyncio.create_task(far_layer.group_add("room", channel))
    await until(lambda: redis_proxy.held)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await far_layer.group_add("room", channel)
    taken_back.cancel()
    await asyncio.wait([taken_back])
    assert not far_layer._get_layer()._shard._joins
