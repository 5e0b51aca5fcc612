import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
import pytest_asyncio
from django.conf import settings
from redis.asyncio import Redis

from delivery import pipelines, redis_client, runner
from delivery.calls import Call
from delivery.exceptions import DeliveryError, RedisUnavailable
from delivery.message import Message
from delivery.queue_values import Device
from delivery.queues import Queues
from delivery.redis_client import close_async_redis, get_async_redis, run_scripts
from delivery.redis_servers import Servers
from tests.delivery.queue_fixtures import PHONE, SITE, Sender, texts
from tests.e2e.waiting import until_taken

UseServer = Callable[[str], None]


@pytest_asyncio.fixture
async def use_server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[UseServer]:
    """Point the alias "elsewhere" at another server."""

    def use(url: str) -> None:
        monkeypatch.setitem(settings.CACHES, "elsewhere", {"LOCATION": url})

    yield use
    await close_async_redis("elsewhere")


@pytest_asyncio.fixture
async def silent_server() -> AsyncIterator[str]:
    """The URL of a server that takes connections and never says a word."""
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield f"redis://127.0.0.1:{port}/0"
    await until_taken()
    for writer in writers:
        writer.close()
    server.close()
    await server.wait_closed()


async def command(redis: Redis, *args: str) -> object:
    reply: object = await redis.execute_command(*args)  # type: ignore[no-untyped-call]
    return reply


async def test_one_client_for_one_loop_and_alias(redis: Redis) -> None:
    assert get_async_redis("queues") is redis
    other = await asyncio.to_thread(asyncio.run, _client_of_another_loop())
    assert other is not redis


async def _client_of_another_loop() -> Redis:
    client = get_async_redis("queues")
    await client.ping()
    await close_async_redis("queues")
    return client


async def test_silent_redis_is_unavailable(
    use_server: UseServer, silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "ANSWER_SECONDS", 0.05)
    use_server(silent_server)
    queues = Queues(alias="elsewhere")
    operations: list[Awaitable[object]] = [queues.open(PHONE) for _ in range(100)]
    async with asyncio.timeout(10):
        results = await asyncio.gather(queues.ping(), *operations, return_exceptions=True)
    assert {type(result) for result in results} == {RedisUnavailable}


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "unix:///nowhere/redis.sock"])
async def test_redis_out_of_reach_is_unavailable(use_server: UseServer, url: str) -> None:
    use_server(url)
    queues = Queues(alias="elsewhere")
    with pytest.raises(RedisUnavailable):
        await queues.open(PHONE)
    with pytest.raises(RedisUnavailable):
        await queues.ping()


@pytest.mark.parametrize(
    ("break_it", "mend_it"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        (
            ("CONFIG", "SET", "min-replicas-to-write", "1"),
            ("CONFIG", "SET", "min-replicas-to-write", "0"),
        ),
        (
            ("ACL", "SETUSER", "default", "-evalsha"),
            ("ACL", "SETUSER", "default", "+evalsha"),
        ),
        (("ACL", "SETUSER", "default", "-zadd"), ("ACL", "SETUSER", "default", "+zadd")),
    ],
    ids=["READONLY", "OOM", "NOREPLICAS", "NOPERM", "NOPERM in a script"],
)
async def test_redis_that_cannot_write_is_unavailable(
    queues: Queues, send: Sender, redis: Redis, break_it: tuple[str], mend_it: tuple[str]
) -> None:
    await queues.open(PHONE)
    await command(redis, *break_it)
    try:
        with pytest.raises(RedisUnavailable):
            await send()
    finally:
        await command(redis, *mend_it)
    await send()


async def test_connections_that_redis_has_closed_are_made_anew(
    queues: Queues, send: Sender, redis: Redis
) -> None:
    await asyncio.gather(*(send() for _ in range(20)))
    killer = Redis.from_url(settings.CACHES["queues"]["LOCATION"])
    assert await command(killer, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await killer.aclose()
    await asyncio.gather(*(send() for _ in range(20)))
    assert len((await queues.open(PHONE)).messages) == 40


async def test_cancelled_call_does_not_leave_its_answer_to_the_next(queues: Queues) -> None:
    await queues.open(PHONE)
    calls = [asyncio.create_task(queues.claim(SITE, {str(i): str(i)})) for i in range(200)]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    results = await asyncio.gather(*(queues.claim(SITE, {f"key {i}": f"{i}"}) for i in range(200)))
    assert [claim.message_id for [claim] in results] == [str(i) for i in range(200)]


async def test_scripts_are_loaded_again_after_a_restart(
    queues: Queues, send: Sender, redis: Redis
) -> None:
    await queues.open(PHONE)
    await send()
    await redis.script_flush()
    await send()
    assert len(await texts(queues, PHONE)) == 2


@pytest.mark.parametrize("place", range(5))
async def test_only_the_calls_that_found_no_script_run_again(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    rooms = [f"user_{number}" for number in range(4)]
    message = Message.build("1", "greet", [], False, rooms)
    await queues.append(SITE, rooms, message)
    run = pipelines._run_pipeline

    async def lose_scripts_midway(
        servers: Servers, client: Redis, calls: Sequence[Call]
    ) -> list[object]:
        monkeypatch.undo()
        replies = await run(servers, client, calls[:place])
        await client.script_flush()
        return replies + await run(servers, client, calls[place:])

    monkeypatch.setattr(pipelines, "ask_at_once", lambda *_: False)
    monkeypatch.setattr(pipelines, "_run_pipeline", lose_scripts_midway)
    appended = await queues.append(SITE, rooms, message)
    assert [each.seq for each in appended] == [2, 2, 2, 2]
    for room in rooms:
        assert len((await queues.open(Device(SITE, room, "phone"))).messages) == 2


async def test_fault_of_a_script_is_not_taken_for_an_outage(queues: Queues, redis: Redis) -> None:
    with pytest.raises(DeliveryError, match="script append failed") as caught:
        await run_scripts("queues", [Call("append", ("a:room",), ("", "not a number"))])
    assert not isinstance(caught.value, RedisUnavailable)


async def test_many_calls_are_cut_into_round_trips(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = [f"user_{number}" for number in range(1_100)]
    message = Message.build("1", "greet", ["x" * 1_000], False, rooms)
    monkeypatch.setattr(redis_client, "BYTES_AT_ONCE", 100_000)
    appended = await queues.append(SITE, rooms, message)
    assert [each.room for each in appended] == rooms
    assert {each.seq for each in appended} == {1}


async def test_a_call_made_as_the_last_pipeline_ends_is_not_left_behind(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the very turn of the loop in which the one before it hears its answer."""
    monkeypatch.setattr(runner, "PIPELINES_AT_ONCE", 1)
    await queues.know([PHONE])
    await queues.know([PHONE])
