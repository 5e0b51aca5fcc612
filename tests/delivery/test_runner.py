"""Calls of many callers on their way to Redis: none keeps its caller for too long."""

import asyncio

import pytest
from redis.asyncio import Redis

from delivery import runner as runner_module
from delivery.calls import Call
from delivery.exceptions import DeliveryError, RedisUnavailable
from delivery.queues import Queues
from delivery.redis_client import run_scripts
from delivery.redis_pools import ReadyPool
from delivery.redis_servers import OneServer
from delivery.runner import Part, Runner
from tests.delivery.fake_redis import be_silent, playing
from tests.delivery.queue_fixtures import PHONE
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS


@pytest.mark.parametrize("turns", range(1, 7))
async def test_whoever_waits_when_the_service_ends_is_told_at_once(turns: int) -> None:
    async with playing(be_silent) as url:
        pool = ReadyPool.from_url(url)
        runner = Runner(OneServer(Redis.from_pool(pool), 0, is_by_sentinel=False))
        part = Part([Call("leave", ("key",), ())], 0)
        calls = []
        for _ in range(turns):  # with some on their way, and others that wait for these
            calls.append(asyncio.create_task(runner.run(part)))
            await asyncio.sleep(0)
        await runner.aclose()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [str(each) for each in outcomes] == ["Redis: the service ends"] * turns
    assert all(isinstance(each, RedisUnavailable) for each in outcomes)


async def test_whoever_asks_while_the_service_ends_makes_no_connection(queues: Queues) -> None:
    await queues.know([PHONE])
    end = asyncio.create_task(queues.close())
    await asyncio.sleep(0)
    refused = 0
    while not end.done():
        with pytest.raises(RedisUnavailable, match="the service ends"):
            await queues.know([PHONE])
        refused += 1
        await asyncio.sleep(0)
    assert refused


async def test_who_waits_is_given_up_in_time_however_long_the_round_trip_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(runner_module, "run_where_they_belong", hang)
    monkeypatch.setattr(runner_module, "ANSWER_SECONDS", 0)
    runner = Runner(OneServer(Redis(), 0, is_by_sentinel=False))
    monkeypatch.setattr(runner_module, "ANSWER_SECONDS", 3600)
    call = asyncio.create_task(runner.run(Part([], 0)))
    await asyncio.wait({call}, timeout=TIMEOUT_SECONDS)
    await runner.aclose()
    assert isinstance(call.exception(), RedisUnavailable)


async def test_a_call_that_no_command_can_say_fails_and_the_next_runs(queues: Queues) -> None:
    wrong = Call("leave", ("half a surrogate pair: \ud800",), ())
    for _ in range(runner_module.PIPELINES_AT_ONCE + 1):
        with pytest.raises(DeliveryError, match="surrogates not allowed"):
            await run_scripts("queues", [wrong])
    await queues.know([PHONE])
