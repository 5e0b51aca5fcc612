"""Several commands in one write: every reply in its place, whatever it is and however it comes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from django.conf import settings
from redis import ConnectionError as RedisConnectionError
from redis import ResponseError
from redis._parsers import _AsyncRESP2Parser
from redis.asyncio import ConnectionPool

from delivery.round_trip import Command, pack, run_packed
from tests.delivery.fake_redis import playing

UsePool = Callable[..., ConnectionPool]
Ask = Callable[[Sequence[Command]], Awaitable[list[Any]]]


async def run_commands(pool: ConnectionPool, commands: Sequence[Command]) -> list[Any]:
    return await run_packed(pool, [pack(each) for each in commands])


@pytest_asyncio.fixture
async def use_pool() -> AsyncIterator[UsePool]:
    pools: list[ConnectionPool] = []

    def use(url: str = settings.CACHES["queues"]["LOCATION"], **options: object) -> ConnectionPool:
        pools.append(ConnectionPool.from_url(url, protocol=2, **options))
        return pools[-1]

    yield use
    for pool in pools:
        await pool.aclose()


@pytest_asyncio.fixture
async def server_that_is_loading() -> AsyncIterator[str]:
    """The URL of a server that answers the first of two commands, and then loads its file."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while came := await reader.read(65536):
            writer.write(b"+OK\r\n" * (came.count(b"SETINFO") + came.count(b"FIRST")))
            writer.write(b"-LOADING Redis is loading\r\n" * came.count(b"SECOND"))

    async with playing(answer) as url:
        yield url


async def check_replies(ask: Ask) -> None:
    """Some that come in one piece, some that do not, and errors among them."""
    long = b"x" * 200_000
    commands = [("ECHO", b"short"), ("LPOP",), ("ECHO", long), ("NO-SUCH",), ("ECHO", b"last")]
    for _ in range(3):
        replies = await ask(commands)
        assert [replies[0], replies[2], replies[4]] == [b"short", long, b"last"]
        assert [type(replies[1]), type(replies[3])] == [ResponseError, ResponseError]


async def test_each_reply_stands_in_its_place_errors_among_them(use_pool: UsePool) -> None:
    await check_replies(partial(run_commands, use_pool()))


async def test_thousands_of_replies_keep_their_order(use_pool: UsePool) -> None:
    texts = [str(number).encode() * 10 for number in range(5_000)]
    assert await run_commands(use_pool(), [("ECHO", text) for text in texts]) == texts


async def test_a_parser_that_is_not_known_is_asked_for_each_reply(use_pool: UsePool) -> None:
    await check_replies(partial(run_commands, use_pool(parser_class=_AsyncRESP2Parser)))


async def test_a_library_that_names_things_otherwise_is_asked_for_each_reply(
    use_pool: UsePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.replies.NOT_ENOUGH_DATA", None)
    await check_replies(partial(run_commands, use_pool()))


async def test_an_outage_that_comes_behind_other_replies_ends_the_connection(
    use_pool: UsePool, server_that_is_loading: str
) -> None:
    pool = use_pool(server_that_is_loading)
    with pytest.raises(RedisConnectionError):
        await run_commands(pool, [("FIRST",), ("SECOND",)])
    [connection] = pool._available_connections
    assert not connection.is_connected
