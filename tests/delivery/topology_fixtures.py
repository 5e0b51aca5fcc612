"""Queues and a Channels layer on Redis servers of the test's own."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from django.conf import settings

from delivery.channel_layer import ConfirmedPubSubChannelLayer
from delivery.exceptions import RedisUnavailable
from delivery.message import Message
from delivery.queue_values import Appended, Device
from delivery.queues import Queues
from delivery.redis_client import close_async_redis
from sioweb_project.redis_settings import layer_host, queues_cache
from tests.e2e.waiting import until
from tests.redis_process import FAILOVER_SECONDS
from tests.redis_topologies import TOPOLOGIES, Topology, require_redis

ALIAS = "elsewhere"
SITE = "newsite"
ROOMS = [f"user_{number}" for number in range(20)]  # enough for some on each master of three
KEYS = "sioweb:{newsite/user_0}:room"  # of the first

OpenQueues = Callable[..., Queues]


@pytest_asyncio.fixture(params=TOPOLOGIES)
async def topology(request: pytest.FixtureRequest) -> AsyncIterator[Topology]:
    """Each of them in turn, or those that the test is parametrized with."""
    require_redis()
    async with TOPOLOGIES[request.param]() as topology:
        yield topology


@pytest_asyncio.fixture
async def open_queues(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OpenQueues]:
    """Queues of one process, with connections of their own for each `wait_replicas`."""
    aliases = set()

    def open_queues(wait_replicas: int = 0) -> Queues:
        alias = f"{ALIAS}{wait_replicas or ''}"
        aliases.add(alias)
        monkeypatch.setitem(settings.CACHES, alias, queues_cache(topology.url, wait_replicas))
        return Queues(alias=alias, ttl_seconds=600)

    yield open_queues
    for alias in aliases:
        await close_async_redis(alias)


@pytest_asyncio.fixture
async def layer(topology: Topology) -> AsyncIterator[ConfirmedPubSubChannelLayer]:
    layer = ConfirmedPubSubChannelLayer(hosts=[layer_host(topology.url)], prefix="far.")
    yield layer
    await layer.flush()


async def append(queues: Queues, text: str, rooms: list[str] = ROOMS) -> list[Appended]:
    message = Message.build("1", "greet", [text], False, rooms)
    return await queues.append(SITE, rooms, message)


async def append_until_it_works(
    queues: Queues, text: str, rooms: list[str] = ROOMS
) -> list[RedisUnavailable]:
    """Repeat a send as a sender does on 503; return how the tries before it failed."""
    failures: list[RedisUnavailable] = []

    async def works() -> bool:
        try:
            await append(queues, text, rooms)
        except RedisUnavailable as error:
            failures.append(error)
            return False
        return True

    await until(works, f"{text} is stored", FAILOVER_SECONDS)
    return failures


async def waiting(queues: Queues, room: str = ROOMS[0]) -> list[str]:
    """What waits for a phone that comes now."""
    backlog = await queues.open(Device(SITE, room, "phone"))
    return [message.text for message in backlog.messages]


def as_text(argument: str) -> str:
    return f'["greet","{argument}"]'
