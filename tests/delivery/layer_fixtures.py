"""Channels layers on the real Redis, and a look at their subscriptions."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from channels.layers import channel_layers
from django.conf import settings
from redis.asyncio import Redis

from delivery import shard
from delivery.channel_layer import ConfirmedPubSubChannelLayer
from tests.delivery.redis_proxy import RedisProxy
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS

Layer = Any  # channels-redis has no types
LIMITED = "limited"  # a user of Redis


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


@pytest_asyncio.fixture
async def limited_layer(redis: Redis) -> AsyncIterator[Layer]:
    """A layer whose user of Redis the test can limit."""
    await limit(redis, "allchannels")
    config: Any = settings.CHANNEL_LAYERS["default"]["CONFIG"]
    host = config["hosts"][0] | {"username": LIMITED, "password": "any"}
    layer = ConfirmedPubSubChannelLayer(hosts=[host], prefix="limited.")
    yield layer
    await layer.flush()
    await redis.acl_deluser(LIMITED)


async def limit(redis: Redis, channels: str) -> None:
    rule: Any = redis.execute_command
    await rule("ACL", "SETUSER", LIMITED, "on", "nopass", "allkeys", channels, "+@all")


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


def listen_for_reconnects(layer: Layer) -> list[None]:
    """One entry for each time that the layer says that it is whole again."""
    reconnects: list[None] = []
    layer.reconnect_listeners.append(lambda: reconnects.append(None))
    return reconnects
