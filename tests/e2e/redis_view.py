"""What the service keeps in Redis, for what clients cannot see: whether a key is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from tests.e2e.site import User
from tests.e2e.waiting import until

PAUSE_MS = 10_000  # far longer than a test takes to end it


async def keys_of(redis: Redis, user: User, site: str = "newsite", prefix: str = "*") -> list[str]:
    """`prefix` is for users whom services of other tests may have, too."""
    return [key async for key in redis.scan_iter(match=f"{prefix}:{{{site}/{user.room}}}:*")]


async def waiting(
    redis: Redis, user: User, device: str = "", site: str = "newsite", prefix: str = "*"
) -> int:
    """How many messages wait for the device."""
    end = f":queue:{device}"
    queues = [key for key in await keys_of(redis, user, site, prefix) if key.endswith(end)]
    return sum([await redis.zcard(key) for key in queues])


async def is_offline(redis: Redis, user: User, device: str = "") -> bool:
    """Whether the service has noticed that the device's last socket is gone."""
    end = f":holders:{device}"
    return not any(key.endswith(end) for key in await keys_of(redis, user))


async def has_resync(redis: Redis, user: User, device: str = "") -> bool:
    """Whether a resync is kept for the device until it comes."""
    rooms = [key for key in await keys_of(redis, user) if key.endswith(":room")]
    return any([await redis.hexists(key, f"resync:{device}") for key in rooms])


@asynccontextmanager
async def paused(redis: Redis) -> AsyncIterator[None]:
    """Let whatever writes to Redis hang meanwhile."""
    await redis.client_pause(PAUSE_MS, all=False)
    try:
        yield
    finally:
        await redis.client_unpause()


async def something_hangs(redis: Redis) -> None:
    async def has_blocked_clients() -> bool:
        return bool((await redis.info("clients"))["blocked_clients"])

    await until(has_blocked_clients, "somebody waits for Redis")
