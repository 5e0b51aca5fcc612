"""Replies that are taken as they come: each in its place, and none of a connection that is over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from django.conf import settings
from redis import ConnectionError as RedisConnectionError
from redis import InvalidResponse
from redis._parsers import _AsyncRESP2Parser
from redis.asyncio import ConnectionPool, Redis

from delivery import replies as replies_module
from delivery.redis_pools import ReadyPool
from delivery.round_trip import Command, ask_at_once, pack, run_packed
from tests.delivery.fake_redis import Answer, be_silent, playing
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until
from tests.delivery.test_round_trip import check_replies

LONG = b"x" * 200_000
PING = [("PING",)]


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[ReadyPool]:
    """With one connection, open and at rest."""
    async with opened(settings.CACHES["queues"]["LOCATION"]) as pool:
        yield pool


@asynccontextmanager
async def opened(url: str, **options: object) -> AsyncIterator[ReadyPool]:
    pool = ReadyPool.from_url(url, protocol=2, timeout=TIMEOUT_SECONDS, **options)
    try:
        await run_packed(pool, [pack(("PING",))])
        yield pool
    finally:
        await pool.aclose()


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[ReadyPool]:
    """A pool of a server that answers with `answer` once it has greeted and been pinged."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came = b""
        while b"PING" not in came:
            came = await reader.read(65536)
            writer.write(b"+OK\r\n" * came.count(b"SETINFO"))
        writer.write(b"+PONG\r\n")
        await answer(reader, writer)

    async with playing(serve) as url, opened(url) as pool:
        yield pool


async def ask(
    pool: ConnectionPool, commands: Sequence[Command], seconds: float = TIMEOUT_SECONDS
) -> Any:
    told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    assert ask_at_once(pool, [pack(each) for each in commands], told.set_result, seconds)
    return await told


async def test_each_reply_stands_in_its_place_errors_among_them(pool: ReadyPool) -> None:
    await check_replies(partial(ask, pool))


async def test_redis_py_uses_the_same_connection_in_between(pool: ReadyPool) -> None:
    client = Redis.from_pool(pool)
    ids = set()
    for number in range(3):
        [own_id] = await ask(pool, [("CLIENT", "ID")])
        ids |= {own_id, await client.client_id()}
        assert await client.echo(f"{number}" * 100_000) == f"{number}".encode() * 100_000
    assert len(ids) == 1


async def test_what_is_asked_at_the_same_time_has_a_connection_of_its_own(pool: ReadyPool) -> None:
    first = asyncio.create_task(ask(pool, [("ECHO", LONG)]))
    await asyncio.sleep(0)
    assert not ask_at_once(pool, [pack(("PING",))], print, TIMEOUT_SECONDS)
    assert await run_packed(pool, [pack(("ECHO", b"second"))]) == [b"second"]
    assert await first == [LONG]


async def test_nothing_is_asked_of_a_connection_that_the_server_has_closed(
    pool: ReadyPool, redis: Redis
) -> None:
    [own_id] = await ask(pool, [("CLIENT", "ID")])
    await redis.client_kill_filter(_id=own_id)
    connection: Any = pool._available_connections[0]
    await until(lambda: connection._reader.at_eof())
    assert not ask_at_once(pool, [pack(("PING",))], print, TIMEOUT_SECONDS)
    assert await run_packed(pool, [pack(("PING",))]) == [b"PONG"]
    assert await ask(pool, PING) == [b"PONG"]


async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def talk_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"nonsense\r\n")
    await reader.read()


async def load_its_file(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"+PONG\r\n-LOADING Redis is loading\r\n")
    await reader.read()


async def say_too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(3 * b"+PONG\r\n")
    await reader.read()


async def begin_to_say_too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(2 * b"+PONG\r\n" + b"+STA")
    await reader.read()


@pytest.mark.parametrize(
    ("answer", "seconds", "error"),
    [
        (hang_up, TIMEOUT_SECONDS, RedisConnectionError),
        (talk_nonsense, TIMEOUT_SECONDS, InvalidResponse),
        (load_its_file, TIMEOUT_SECONDS, RedisConnectionError),
        (say_too_much, TIMEOUT_SECONDS, RedisConnectionError),
        (begin_to_say_too_much, TIMEOUT_SECONDS, RedisConnectionError),
        (be_silent, 0.0, TimeoutError),
    ],
)
async def test_who_asks_a_server_in_vain_is_told_why_and_the_connection_ends(
    answer: Answer, seconds: float, error: type[Exception]
) -> None:
    async with serving(answer) as pool:
        assert isinstance(await ask(pool, PING * 2, seconds), error)
        [connection] = pool._available_connections
        assert not connection.is_connected
        assert not ask_at_once(pool, [pack(("PING",))], print, TIMEOUT_SECONDS)


async def test_nothing_is_asked_of_a_server_that_has_said_what_nobody_asked_for() -> None:
    async def be_talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR I am about to end\r\n")
        await reader.read()

    async with serving(be_talkative) as pool:
        [connection] = pool._available_connections
        replies = replies_module.Replies.of(connection)
        assert replies is not None
        await until(lambda: not replies.is_at_rest)
        assert not ask_at_once(pool, [pack(("PING",))], print, TIMEOUT_SECONDS)


async def test_who_is_answered_last_is_not_kept(pool: ReadyPool) -> None:
    [connection] = pool._available_connections
    assert await ask(pool, [("ECHO", LONG)]) == [LONG]
    replies = replies_module.Replies.of(connection)
    assert replies is not None
    assert replies._replies == []


async def test_a_pool_that_closes_waits_for_no_reply() -> None:
    async with serving(be_silent) as pool:
        told: list[Any] = []
        assert ask_at_once(pool, [pack(("ECHO", b"x" * 50_000_000))], told.append, 3600)
        await pool.disconnect()
        assert [type(each) for each in told] == [RedisConnectionError]


async def test_a_connection_that_is_lost_has_no_replies(pool: ReadyPool) -> None:
    [connection] = pool._available_connections
    assert await ask(pool, PING) == [b"PONG"]
    transport = connection._writer.transport  # type: ignore[union-attr]
    transport.abort()
    await until(lambda: transport.get_protocol() is None)
    assert replies_module.Replies.of(connection) is None


async def test_one_timer_watches_all_that_is_asked_within_its_time(pool: ReadyPool) -> None:
    [connection] = pool._available_connections
    assert await ask(pool, PING) == [b"PONG"]
    replies = replies_module.Replies.of(connection)
    assert replies is not None
    timer = replies._timer
    assert await ask(pool, PING) == [b"PONG"]
    assert replies._timer is timer


async def test_without_the_parts_that_are_known_it_takes_the_long_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = settings.CACHES["queues"]["LOCATION"]
    async with opened(url, parser_class=_AsyncRESP2Parser) as pool:
        assert not ask_at_once(pool, [pack(("PING",))], print, TIMEOUT_SECONDS)
    monkeypatch.setattr(replies_module, "NOT_ENOUGH_DATA", None)
    async with opened(url) as pool:
        assert not ask_at_once(pool, [pack(("PING",))], print, TIMEOUT_SECONDS)
