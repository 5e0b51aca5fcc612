"""A copy of all of Redis, and going back to it: what a restart from an older file does."""

from typing import Any

from redis.asyncio import Redis

RedisKeys = dict[bytes, tuple[bytes, int]]
"""key -> (dump, ttl in ms)"""


async def dump_all(redis: Redis) -> RedisKeys:
    keys: Any = await redis.keys("*")
    return {key: (await redis.dump(key) or b"", await redis.pttl(key)) for key in keys}


async def restore_all(redis: Redis, keys: RedisKeys) -> None:
    await redis.flushdb()
    for key, (dump, ttl) in keys.items():
        await redis.restore(key, ttl, dump)
