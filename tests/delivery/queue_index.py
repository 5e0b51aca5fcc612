"""The index by events of a queue: what stands in it, and how 1.0.0 writes it."""

from typing import Any

from redis.asyncio import Redis

from tests.delivery.queue_fixtures import find_keys


def index_of(queue_key: str) -> str:
    """
    >>> index_of("sioweb:{newsite/user_1}:queue:phone")
    'sioweb:{newsite/user_1}:events:phone'
    """
    return queue_key.replace(":queue:", ":events:", 1)


def entry_of(member: bytes) -> bytes:
    """
    >>> entry_of(b'7|id|previous|1800000000000|1|8|["update",1]')
    b'"update"\\x000000000000000007'
    """
    seq, _, _, _, _, length, text = member.split(b"|", 6)
    return text[1 : 1 + int(length)] + b"\0%016d" % int(seq)


def asks_for_order(member: bytes) -> bool:
    return member.split(b"|", 6)[4] == b"1"


async def index_last(redis: Redis, count: int = 1) -> None:
    """Index the last messages of each queue, as a process of 1.0.0 does that stores them."""
    client: Any = redis  # whose answers are typed as texts or bytes
    for key in await find_keys(redis, "*:queue:*"):
        events = index_of(key)
        members = await client.zrange(key, -count, -1)
        await client.zadd(events, {entry_of(member): 0 for member in members})
        await client.pexpire(events, await client.pttl(key))
