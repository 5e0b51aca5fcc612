"""The Channels layer on the real Redis: order, outages, listeners."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.delivery.layer_fixtures import (
    Layer,
    count_subscribers,
    listen_for_reconnects,
    receive,
    wait_for_subscribers,
)
from tests.delivery.redis_proxy import RedisProxy
from tests.delivery.socket_fixtures import until


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
    far_layer: Layer, redis_proxy: RedisProxy
) -> None:
    await far_layer.group_send("room", {})
    redis_proxy.hang()
    with pytest.raises((RedisError, OSError)):
        await far_layer.group_send("room", {"number": 1})
    redis_proxy.flow()
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


async def test_a_library_of_other_parts_is_listened_to_in_its_own_way(
    layer: Layer, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.replies.NOT_ENOUGH_DATA", None)
    channel, heard = await layer.new_channel(), list[Any]()
    layer.listen(channel, heard.append)
    await layer.group_add("room", channel)
    for number in range(3):
        await layer.group_send("room", {"number": number})
    await until(lambda: len(heard) == 3)
    await layer.group_discard("room", channel)
    await wait_for_subscribers(redis, layer, "room", 0)
    assert heard == [{"number": number} for number in range(3)]


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
