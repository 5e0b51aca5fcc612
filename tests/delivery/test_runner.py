"""Calls of many callers on their way to Redis: none keeps its caller for too long."""

import asyncio

import pytest
from redis.asyncio import Redis

from delivery import runner as runner_module
from delivery.exceptions import RedisUnavailable
from delivery.redis_servers import OneServer
from delivery.runner import Part, Runner
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS


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
