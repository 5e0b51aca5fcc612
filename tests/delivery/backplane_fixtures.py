"""Backplanes that keep what they hear, and what tests do with them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from delivery import backplane as backplane_module
from delivery import shard
from delivery.backplane import Announcement, Backplane, Broadcast
from delivery.channel_layer import ConfirmedPubSubChannelLayer
from delivery.message import Message
from delivery.names import group_name
from tests.delivery.redis_proxy import RedisProxy
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS

SITE = "newsite"


class Hearing(Backplane):
    """A backplane that keeps what it hears, in its order."""

    async def start(self) -> None:
        await super().start()
        self.heard: asyncio.Queue[Announcement] = asyncio.Queue()
        self.listen(self.heard.put_nowait)


@asynccontextmanager
async def hearing() -> AsyncIterator[Hearing]:
    backplane = Hearing()
    await backplane.start()
    yield backplane
    await backplane.close()


@pytest_asyncio.fixture
async def backplane(own_layers: None) -> AsyncIterator[Hearing]:
    async with hearing() as backplane:
        yield backplane


@pytest_asyncio.fixture
async def other(own_layers: None) -> AsyncIterator[Hearing]:
    """The backplane of another process."""
    async with hearing() as backplane:
        yield backplane


@pytest_asyncio.fixture
async def far(redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hearing]:
    """A backplane whose Redis the test can take away."""
    host = {"address": redis_proxy.url, "socket_timeout": None}
    layer = ConfirmedPubSubChannelLayer(hosts=[host], prefix="sioweb.")
    monkeypatch.setattr(backplane_module, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(shard, "RETRY_SECONDS", 0.0)
    async with hearing() as backplane:
        yield backplane
        redis_proxy.flow()


async def broadcast(backplane: Hearing, *rooms: str, content: str = '["hello"]') -> None:
    message = Message("7", "hello", content, False, rooms)
    await backplane.announce_broadcasts(SITE, [Broadcast(message, rooms, [])])


async def hear(backplane: Hearing) -> Any:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await backplane.heard.get()


async def hear_texts(backplane: Hearing, last: str) -> list[str]:
    """The texts of all announcements up to this one."""
    texts = [""]
    while texts[-1] != last:
        texts.append((await hear(backplane))["text"])
    return texts[1:]


async def count_processes(redis: Redis, room: str) -> int:
    [(_, count)] = await redis.pubsub_numsub(f"sioweb.__group__{group_name(SITE, room)}")
    return int(count)
