"""A subscription that breaks is whole again later, and tells so."""

import asyncio
import contextlib
import random

import pytest
from channels.layers import channel_layers
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError

from delivery import shard
from delivery.redis_client import close_async_redis, get_async_redis
from tests.delivery.layer_fixtures import (
    Layer,
    count_subscribers,
    kill_subscriptions,
    limit,
    listen_for_reconnects,
    receive,
    wait_for_subscribers,
)
from tests.delivery.redis_proxy import RedisProxy
from tests.delivery.socket_fixtures import until

FOR_EVER, MANY = 3600.0, 50


async def test_killed_subscription_heals_and_tells_it_once_each_time(
    layer: Layer, redis: Redis
) -> None:
    channel = await layer.new_channel()
    groups = [f"room.{number}" for number in range(20)]
    await asyncio.gather(*(layer.group_add(group, channel) for group in groups))
    reconnects = listen_for_reconnects(layer)
    for _ in range(2):
        reconnects.clear()
        await kill_subscriptions(redis)
        await until(lambda: reconnects)
        for group in groups:
            assert await count_subscribers(redis, layer, group) == 1
            await layer.group_send(group, {"group": group})
            assert await receive(layer, channel) == {"group": group}
        assert len(reconnects) == 1


async def test_subscription_heals_after_an_outage_and_tells_it_once(
    far_layer: Layer, redis_proxy: RedisProxy, caplog: pytest.LogCaptureFixture
) -> None:
    channel = await far_layer.new_channel()
    await far_layer.group_add("room", channel)
    reconnects = listen_for_reconnects(far_layer)
    await redis_proxy.shut()
    await until(lambda: "lost its subscription" in caplog.text)
    assert not reconnects
    await redis_proxy.open()
    await until(lambda: reconnects)
    await far_layer.group_send("room", {"number": 7})
    assert await receive(far_layer, channel) == {"number": 7}
    assert len(reconnects) == 1
    assert caplog.text.count("lost its subscription") == 1


async def test_subscription_that_redis_refuses_is_asked_for_in_turns(
    limited_layer: Layer,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else a process asks, and logs, as fast as it can."""
    monkeypatch.setattr(shard, "RETRY_SECONDS", FOR_EVER)
    await limited_layer.new_channel()
    await limit(redis, "resetchannels")
    await until(lambda: caplog.text.count("lost its subscription") == 2)
    for _ in range(MANY):
        await redis.ping()
    assert caplog.text.count("lost its subscription") == 2


async def test_subscription_that_redis_refused_heals_when_it_may_be(
    limited_layer: Layer,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(shard, "RETRY_SECONDS", 0.0)
    channel = await limited_layer.new_channel()
    await limited_layer.group_add("room", channel)
    reconnects = listen_for_reconnects(limited_layer)
    await limit(redis, "resetchannels")
    await until(lambda: caplog.text.count("lost its subscription") >= 2)
    with pytest.raises(NoPermissionError):
        await limited_layer.group_add("another room", channel)
    await limit(redis, "allchannels")
    await until(lambda: reconnects)
    for group in ("room", "another room"):
        await limited_layer.group_send(group, {"group": group})
        assert await receive(limited_layer, channel) == {"group": group}


async def test_group_left_while_broken_does_not_hide_that_the_rest_is_whole(
    layer: Layer, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The confirmation of a group left in between never comes, and nobody may wait for it."""
    channel = await layer.new_channel()
    await layer.group_add("room.1", channel)
    await layer.group_add("room.2", channel)
    reconnects = listen_for_reconnects(layer)
    shard = layer._get_layer()._shards[0]
    left = layer._get_group_channel_name("room.2")
    confirm = shard._confirm
    held: list[str] = []
    monkeypatch.setattr(
        shard, "_confirm", lambda name: held.append(name) if name == left else confirm(name)
    )
    await kill_subscriptions(redis)
    await until(lambda: held)
    await layer.group_discard("room.2", channel)
    await until(lambda: reconnects)


async def test_joins_during_a_break_hold_after_it(layer: Layer, redis: Redis) -> None:
    channel = await layer.new_channel()
    await layer.group_add("room.0", channel)
    reconnects = listen_for_reconnects(layer)
    await kill_subscriptions(redis)
    groups = [f"room.{number}" for number in range(1, 20)]
    await asyncio.gather(*(layer.group_add(group, channel) for group in groups))
    await until(lambda: reconnects)
    for group in ["room.0", *groups]:
        assert await count_subscribers(redis, layer, group) == 1


async def test_group_left_during_an_outage_is_not_subscribed_after_it(
    far_layer: Layer, redis_proxy: RedisProxy, redis: Redis
) -> None:
    channel = await far_layer.new_channel()
    await far_layer.group_add("room.1", channel)
    await far_layer.group_add("room.2", channel)
    reconnects = listen_for_reconnects(far_layer)
    await redis_proxy.shut()
    with contextlib.suppress(RedisError, OSError):
        await far_layer.group_discard("room.2", channel)
    await redis_proxy.open()
    await until(lambda: reconnects)
    assert await count_subscribers(redis, far_layer, "room.1") == 1
    assert await count_subscribers(redis, far_layer, "room.2") == 0
    await far_layer.group_add("room.2", channel)
    assert await count_subscribers(redis, far_layer, "room.2") == 1


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32))
async def test_subscriptions_are_as_joined_whatever_breaks_in_between(seed: int) -> None:
    """Clients come and go, some while their join runs, and Redis breaks the subscription."""
    chance = random.Random(seed)  # noqa: S311
    layer, redis = channel_layers.make_backend("default"), get_async_redis("queues")
    channel = await layer.new_channel()
    reconnects = listen_for_reconnects(layer)

    async def come_and_go(group: str) -> bool:
        is_joined = False
        for _ in range(chance.randrange(1, 6)):
            join: asyncio.Task[None] = asyncio.create_task(layer.group_add(group, channel))
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                join.cancel()
            [outcome] = await asyncio.gather(join, return_exceptions=True)
            is_joined = outcome is None
            if not is_joined or chance.random() < 0.5:
                is_joined = False
                with contextlib.suppress(RedisError, OSError):
                    await layer.group_discard(group, channel)
        return is_joined

    groups = [f"room.{number}" for number in range(10)]
    visits = [asyncio.create_task(come_and_go(group)) for group in groups]
    await asyncio.sleep(0)
    await kill_subscriptions(redis)
    joined: list[bool] = await asyncio.gather(*visits)
    await until(lambda: reconnects)
    for group, is_joined in zip(groups, joined, strict=True):
        await wait_for_subscribers(redis, layer, group, int(is_joined))
    await layer.flush()
    await close_async_redis("queues")
