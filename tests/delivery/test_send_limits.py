"""How much a site and a key may send: never more than the limit, by however many processes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from delivery import redis_client
from delivery import send_limits as module
from delivery.counters import Counters
from delivery.exceptions import LimitReached, RedisUnavailable
from delivery.redis_client import close_async_redis
from delivery.send_limits import Rates, SendLimits
from tests.delivery.http_fixtures import Edge, make_site
from tests.delivery.queue_fixtures import Clock

RATE = 50
KEY, OTHER_KEY = 1, 2
MESSAGE = {"rooms": "user_1", "event": "hello"}


@pytest_asyncio.fixture
async def own_redis(redis: Redis) -> AsyncIterator[Redis]:
    yield redis
    await close_async_redis("queues")


def limits_of(clock: Clock, **rates: int) -> SendLimits:
    return SendLimits(Rates(**rates), Counters(), now_ms=clock)


async def send_much(limits: SendLimits, count: int, key: int = KEY, **site: Any) -> int:
    """Return how many messages were let through."""
    accepted = 0
    for _ in range(count):
        try:
            await limits.spend(make_site(**site), key, 1)
        except LimitReached:
            continue
        accepted += 1
    return accepted


def test_without_a_limit_nobody_is_asked() -> None:
    limits = SendLimits(Rates(sends_at_once=5), Counters())
    assert not limits.are_set(make_site())
    assert limits.are_set(make_site(sends_per_second=1))
    assert limits.are_set(make_site(key_sends_per_second=1))
    assert not SendLimits(Rates(1, 1), Counters()).are_set(
        make_site(sends_per_second=0, key_sends_per_second=0)
    )


async def test_a_site_sends_as_many_as_it_may(own_redis: Redis, clock: Clock) -> None:
    limits = limits_of(clock, sends_per_second=RATE)
    assert await send_much(limits, 2 * RATE) == RATE
    clock.advance(0.5)
    assert await send_much(limits, 2 * RATE) == RATE // 2
    clock.advance(100)
    assert await send_much(limits, 2 * RATE) == RATE


async def test_processes_share_one_limit(own_redis: Redis, clock: Clock) -> None:
    processes = [limits_of(clock, sends_per_second=RATE) for _ in range(3)]
    rounds = [await asyncio.gather(*(send_much(each, RATE) for each in processes))]
    clock.advance(1)
    rounds.append(await asyncio.gather(*(send_much(each, RATE) for each in processes)))
    assert [sum(each) for each in rounds] == [RATE, RATE]


async def test_a_send_seldom_asks_redis(
    own_redis: Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    run_scripts = redis_client.run_scripts

    async def counted(*args: Any) -> Any:
        nonlocal asked
        asked += 1
        return await run_scripts(*args)

    monkeypatch.setattr(module, "run_scripts", counted)
    limits = limits_of(clock, sends_per_second=1000)
    assert await send_much(limits, 5000) == 1000
    assert asked == 11  # ten portions, and one refusal that holds for the rest


async def test_each_key_has_its_own_limit(own_redis: Redis, clock: Clock) -> None:
    limits = limits_of(clock, key_sends_per_second=RATE, sends_per_second=RATE + 10)
    assert await send_much(limits, 2 * RATE, KEY) == RATE
    assert await send_much(limits, 2 * RATE, OTHER_KEY) == 10


async def test_what_the_key_is_refused_the_site_keeps(own_redis: Redis, clock: Clock) -> None:
    limits = limits_of(clock, key_sends_per_second=10, sends_per_second=20)
    assert await send_much(limits, 100, KEY) == 10
    assert await send_much(limits, 100, OTHER_KEY) == 10


async def test_sites_have_limits_of_their_own(own_redis: Redis, clock: Clock) -> None:
    limits = limits_of(clock, sends_per_second=RATE)
    assert await send_much(limits, 100, name="othersite", sends_per_second=5) == 5
    assert await send_much(limits, 100) == RATE


async def test_a_changed_limit_holds_at_once(own_redis: Redis, clock: Clock) -> None:
    limits = limits_of(clock, sends_per_second=RATE)
    assert await send_much(limits, 100) == RATE
    clock.advance(1)
    assert await send_much(limits, 100, sends_per_second=5) == 5


async def test_a_burst_may_be_set(own_redis: Redis, clock: Clock) -> None:
    limits = limits_of(clock, sends_per_second=10, sends_at_once=100)
    assert await send_much(limits, 200) == 100
    clock.advance(1)
    assert await send_much(limits, 200) == 10


async def test_a_batch_past_the_burst_leaves_a_debt(own_redis: Redis, clock: Clock) -> None:
    limits = limits_of(clock, sends_per_second=10)
    await limits.spend(make_site(), KEY, 30)
    for _ in range(2):
        clock.advance(1)
        assert await send_much(limits, 5) == 0
    clock.advance(1)
    assert await send_much(limits, 50) == 10


async def test_headers_tell_what_is_left(own_redis: Redis, clock: Clock) -> None:
    limits = limits_of(clock, sends_per_second=10)
    assert await limits.spend(make_site(), KEY, 4) == {
        "RateLimit-Limit": "10",
        "RateLimit-Remaining": "6",
        "RateLimit-Reset": "1",
    }


async def test_refused_messages_are_counted(own_redis: Redis, clock: Clock) -> None:
    counters = Counters()
    limits = SendLimits(Rates(10), counters, now_ms=clock)
    await limits.spend(make_site(), KEY, 10)
    with pytest.raises(LimitReached):
        await limits.spend(make_site(), KEY, 7)
    assert counters.of("newsite").limited["sends"] == 7


async def test_buckets_end_by_themselves(own_redis: Redis, clock: Clock) -> None:
    await limits_of(clock, sends_per_second=10).spend(make_site(), KEY, 10)
    assert 1000 < await own_redis.pttl("sioweb:{newsite}:sends") <= 2000


async def test_redis_out_of_reach_is_told(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    async def fail(*_: Any) -> Any:
        raise RedisUnavailable("gone")

    monkeypatch.setattr(module, "run_scripts", fail)
    with pytest.raises(RedisUnavailable):
        await limits_of(clock, sends_per_second=10).spend(make_site(), KEY, 1)


# --- the way there


def limit(edge: Edge, **rates: int) -> None:
    edge.send_limits._rates = Rates(**rates)
    edge.send_limits._now_ms = Clock()


async def test_past_the_limit_send_answers_429(edge: Edge, own_redis: Redis) -> None:
    limit(edge, sends_per_second=1, sends_at_once=3)
    answers = [await edge.send(MESSAGE) for _ in range(4)]
    assert [each.status for each in answers] == [200, 200, 200, 429]
    assert [each.headers["RateLimit-Remaining"] for each in answers] == ["2", "1", "0", "0"]
    status, code, message = answers[3].error
    assert (status, code) == (429, "too_many_messages")
    assert message == "This site may send 1 messages a second."
    assert answers[3].headers["Retry-After"] == "1"
    assert len(edge.publisher.published) == 3


async def test_a_batch_costs_its_messages(edge: Edge, own_redis: Redis) -> None:
    limit(edge, key_sends_per_second=1, sends_at_once=10)
    first = await edge.send([MESSAGE] * 8, path="/send/batch")
    assert (first.status, first.headers["RateLimit-Remaining"]) == (200, "2")
    second = await edge.send([MESSAGE] * 8, path="/send/batch")
    assert (second.status, second.headers["Retry-After"]) == (429, "6")
    assert (await edge.send(MESSAGE)).status == 200
    assert (await edge.send([], path="/send/batch")).status == 200


async def test_without_a_limit_no_headers_are_sent(edge: Edge) -> None:
    answer = await edge.send(MESSAGE)
    assert not [name for name in answer.headers if name.startswith("RateLimit")]


async def test_without_redis_a_limited_site_hears_503(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> Any:
        raise RedisUnavailable("gone")

    monkeypatch.setattr(module, "run_scripts", fail)
    limit(edge, sends_per_second=1)
    answer = await edge.send(MESSAGE)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
