"""The Channels layer on the real Redis: confirmed joins, order, and healing."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import RedisError

from delivery import shard
from delivery.channel_layer import ConfirmedPubSubChannelLayer
from delivery.redis_client import close_async_redis, get_async_redis
from tests.delivery.redis_proxy import RedisProxy
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until

Layer = Any  # channels-redis has no types


@pytest_asyncio.fixture
async def layer() -> AsyncIterator[Layer]:
    layer = channel_layers.make_backend("default")
    yield layer
    await layer.flush()


@pytest_asyncio.fixture
async def far_layer(
    redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Layer]:
    """A layer whose Redis the test can take away."""
    monkeypatch.setattr(shard, "RETRY_SECONDS", 0.0)
    host = {"address": redis_proxy.url, "socket_timeout": None}
    layer = ConfirmedPubSubChannelLayer(hosts=[host], prefix="far.")
    yield layer
    redis_proxy.flow()
    await layer.flush()


async def receive(layer: Layer, channel: str) -> Any:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await layer.receive(channel)


async def count_subscribers(redis: Redis, layer: Layer, group: str) -> int:
    name = layer._get_group_channel_name(group)
    [(_, count)] = await redis.pubsub_numsub(name)
    return int(count)


async def wait_for_subscribers(redis: Redis, layer: Layer, group: str, count: int) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while await count_subscribers(redis, layer, group) != count:
            pass


async def kill_subscriptions(redis: Redis) -> None:
    killed: Any = await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
    assert killed


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


async def test_join_taken_back_unconfirmed_and_made_again_is_heard(
    far_layer: Layer, redis_proxy: RedisProxy, redis: Redis
) -> None:
    channel = await far_layer.new_channel()
    redis_proxy.hang()
    first = asyncio.create_task(far_layer.group_add("room", channel))
    await until(lambda: redis_proxy.held)
    first.cancel()
    await asyncio.wait([first])
    await far_layer.group_discard("room", channel)
    second = asyncio.create_task(far_layer.group_add("room", channel))
    redis_proxy.flow()
    await second
    assert await count_subscribers(redis, far_layer, "room") == 1


async def test_join_taken_back_unconfirmed_does_not_count_as_joined_later(
    far_layer: Layer, redis_proxy: RedisProxy, redis: Redis
) -> None:
    channel = await far_layer.new_channel()
    redis_proxy.hang()
    first = asyncio.create_task(far_layer.group_add("room", channel))
    await until(lambda: redis_proxy.held)
    first.cancel()
    await asyncio.wait([first])
    await far_layer.group_discard("room", channel)
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


async def test_order_of_a_thousand_concurrent_publishes_is_kept(layer: Layer) -> None:
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await asyncio.gather(*(layer.group_send("room", {"number": n}) for n in range(1_000)))
    received = [(await receive(layer, channel))["number"] for _ in range(1_000)]
    assert received == list(range(1_000))


async def test_each_publish_of_an_outage_fails_and_those_after_it_do_not(
    far_layer: Layer, redis_proxy: RedisProxy
) -> None:
    channel = await far_layer.new_channel()
    await far_layer.group_add("room", channel)
    healed = listen_for_reconnects(far_layer)
    await redis_proxy.shut()
    sends = [far_layer.group_send("room", {"number": n}) for n in range(3)]
    failures = await asyncio.gather(*sends, return_exceptions=True)
    assert all(isinstance(failure, RedisError | OSError) for failure in failures)
    await redis_proxy.open()
    await until(lambda: healed)
    await far_layer.group_send("room", {"number": 7})
    assert await receive(far_layer, channel) == {"number": 7}


async def test_publish_to_a_redis_that_hangs_fails_and_later_ones_do_not(
    far_layer: Layer, redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard, "REPLY_TIMEOUT_SECONDS", 0.05)
    await far_layer.group_send("room", {})
    redis_proxy.hang()
    with pytest.raises((RedisError, OSError)):
        await far_layer.group_send("room", {"number": 1})
    redis_proxy.flow()
    monkeypatch.undo()
    await far_layer.group_send("room", {"number": 2})


async def test_cancelled_publish_does_not_hold_up_the_others(layer: Layer) -> None:
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    sends = [asyncio.create_task(layer.group_send("room", {"n": n})) for n in range(3)]
    await asyncio.sleep(0)
    sends[1].cancel()
    await asyncio.gather(*sends, return_exceptions=True)
    await layer.group_send("room", {"n": 3})
    received = [(await receive(layer, channel))["n"] for _ in range(3)]
    assert received[0] == 0
    assert received[-2:] in ([2, 3], [1, 2])


def listen_for_reconnects(layer: Layer) -> list[None]:
    """One entry for each time that the layer says that it is whole again."""
    reconnects: list[None] = []
    layer.reconnect_listeners.append(lambda: reconnects.append(None))
    return reconnects


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


async def test_layer_serves_again_after_a_flush(layer: Layer, redis: Redis) -> None:
    await layer.group_add("room", await layer.new_channel())
    await layer.flush()
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    assert await count_subscribers(redis, layer, "room") == 1
    await layer.group_send("room", {"number": 7})
    assert await receive(layer, channel) == {"number": 7}


async def test_each_event_loop_has_connections_of_its_own(layer: Layer) -> None:
    async def echo() -> Any:
        channel = await layer.new_channel()
        await layer.send(channel, {"number": 7})
        return await receive(layer, channel)

    run: Callable[[Awaitable[Any]], Any] = asyncio.run  # type: ignore[assignment]
    assert await asyncio.to_thread(run, echo()) == {"number": 7}
    assert await echo() == {"number": 7}


def test_messages_are_written_as_channels_redis_itself_writes_them() -> None:
    """So that processes of a version before, or after, understand each other."""
    layer: Layer = channel_layers.make_backend("default")
    message = {"type": "stored", "text": '["greet","Zoë"]', "seq": 2**40, "overflowed": ["", "a"]}
    own = RedisPubSubChannelLayer(hosts=[])
    assert layer.serialize(message) == own.serialize(message)
    assert layer.deserialize(own.serialize(message)) == message


async def test_a_listener_is_told_what_has_come_and_what_comes_in_order(layer: Layer) -> None:
    channel, marker = await layer.new_channel(), await layer.new_channel()
    heard: list[Any] = []
    await layer.group_add("room", channel)
    await layer.group_add("room", marker)
    for number in range(2):
        await layer.group_send("room", {"number": number})
        await receive(layer, marker)
    layer.listen(channel, heard.append)
    assert heard == [{"number": 0}, {"number": 1}]
    await layer.group_send_all(("room", {"number": number}) for number in range(2, 100))
    for _ in range(2, 100):
        await receive(layer, marker)
    assert heard == [{"number": number} for number in range(100)]


async def test_what_is_no_message_is_passed_over(
    layer: Layer, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    channel, heard = await layer.new_channel(), list[Any]()
    layer.listen(channel, heard.append)
    for data in (b"", b"\xc1", b"\x01\x02", b"\xa1\xff", b"\x01"):
        await redis.publish(channel, data)
    await layer.send(channel, {"number": 7})
    await until(lambda: heard)
    assert heard == [{"number": 7}]
    assert caplog.text.count("Something on the backplane is no message") == 5
