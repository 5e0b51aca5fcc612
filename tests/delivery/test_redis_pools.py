"""A pool that gives connections at once, as redis-py's does after more steps."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from django.conf import settings
from redis import ConnectionError as RedisConnectionError

from delivery.redis_pools import ReadyPool
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[ReadyPool]:
    """Of one connection, for which nobody waits long."""
    url = settings.CACHES["queues"]["LOCATION"]
    pool = ReadyPool.from_url(url, max_connections=1, timeout=0.05)
    yield pool
    await pool.aclose()


async def test_connection_is_given_again(pool: ReadyPool) -> None:
    first = await pool.get_connection()
    await pool.release(first)
    assert await pool.get_connection() is first
    await pool.release(first)


async def test_who_comes_when_all_are_taken_waits_for_one(pool: ReadyPool) -> None:
    first = await pool.get_connection()
    waiting = [asyncio.create_task(pool.get_connection()) for _ in range(2)]
    await asyncio.sleep(0)
    await pool.release(first)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        second = await waiting[0]
        assert second is first
        await pool.release(second)
        await pool.release(await waiting[1])
    assert await pool.get_connection() is first
    await pool.release(first)


async def test_nobody_waits_longer_than_the_timeout(pool: ReadyPool) -> None:
    first = await pool.get_connection()
    with pytest.raises(RedisConnectionError):
        await pool.get_connection()
    await pool.release(first)
    assert await pool.get_connection() is first
    await pool.release(first)


async def test_connection_that_was_cut_is_made_anew(pool: ReadyPool) -> None:
    first = await pool.get_connection()
    await first.disconnect()
    await pool.release(first)
    again = await pool.get_connection()
    assert again.is_connected
    await pool.release(again)


async def test_connection_that_has_unread_data_is_made_anew(pool: ReadyPool) -> None:
    first = await pool.get_connection()
    await first.send_command("PING")
    reader = first._reader
    await until(lambda: reader._buffer)
    await pool.release(first)
    again = await pool.get_connection()
    assert again._reader is not reader
    await pool.release(again)


async def test_connection_to_nowhere_goes_back() -> None:
    pool = ReadyPool(host="127.0.0.1", port=1, max_connections=1, timeout=0.05)
    for _ in range(2):
        with pytest.raises(RedisConnectionError, match="connecting"):
            await pool.get_connection()
    await pool.aclose()
