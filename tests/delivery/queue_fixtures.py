"""Fixtures of the queue tests: queues on the real Redis, by a clock that the test sets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from delivery.message import Message
from delivery.queue_values import NOWHERE, Appended, Device
from delivery.queues import Queues
from delivery.redis_client import close_async_redis, get_async_redis

SITE = "newsite"
ROOM = "user_1"
TTL_SECONDS = 100
NOBODY = Device(SITE, ROOM, "")
PHONE = Device(SITE, ROOM, "phone")
LAPTOP = Device(SITE, ROOM, "laptop")


@dataclass
class Clock:
    ms: int = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms

    def advance(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


@dataclass
class Sender:
    """Appends short messages; their ids and only arguments count up from 1."""

    queues: Queues
    sent: int = 0

    async def __call__(
        self, event: str = "update", *, resync: bool = False, once: str = "", size: int = 0
    ) -> Appended:
        self.sent += 1
        args = [self.sent, "x" * size] if size else [self.sent]
        message = Message.build(str(self.sent), event, args, resync, [ROOM])
        [appended] = await self.queues.append(SITE, message.rooms, message, once)
        return appended


@pytest_asyncio.fixture
async def redis() -> AsyncIterator[Redis]:
    client = get_async_redis("queues")
    await client.flushdb()
    yield client
    await close_async_redis("queues")  # ends what is still asked: it would connect anew
    await client.aclose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def queues(redis: Redis, clock: Clock) -> AsyncIterator[Queues]:
    queues = Queues(ttl_seconds=TTL_SECONDS, now_ms=clock)
    yield queues
    await queues.close()


@pytest.fixture
def send(queues: Queues) -> Sender:
    return Sender(queues)


async def texts(queues: Queues, device: Device) -> list[str]:
    return [message.text for message in (await queues.read(device, NOWHERE)).messages]


async def find_keys(redis: Redis, pattern: str = "sioweb:*") -> list[str]:
    """Those of this process: a service of tests/e2e may be writing its own beside them."""
    keys: list[bytes] = await redis.execute_command("KEYS", pattern)  # type: ignore[no-untyped-call]
    return [key.decode() for key in keys]
