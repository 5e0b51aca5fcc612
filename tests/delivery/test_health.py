"""`/healthcheck` and `/readyz`: what a load balancer is told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from django.db import OperationalError

from delivery import health
from delivery.exceptions import BackplaneUnavailable, DeliveryError, RedisUnavailable
from tests.delivery.http_fixtures import Edge

ALL_OK = {"redis": "ok", "database": "ok", "backplane": "ok"}


@dataclass
class Dependency:
    failure: DeliveryError | None = None
    pings: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.released.set()

    async def ping(self) -> None:
        self.pings += 1
        self.asked.set()
        await self.released.wait()
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def redis_and_backplane(edge: Edge) -> tuple[Dependency, Dependency]:
    edge.queues, edge.backplane = Dependency(), Dependency()
    return edge.queues, edge.backplane


@pytest.fixture
def set_database(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception | None], None]:
    def set_failure(failure: Exception | None) -> None:
        def ping() -> None:
            if failure is not None:
                raise failure

        monkeypatch.setattr(health, "_ping_database", ping)

    set_failure(None)
    return set_failure


@pytest.mark.parametrize("path", ["/healthcheck", "/healthcheck/"])
async def test_healthcheck_answers_ok_and_asks_nobody(edge: Edge, path: str) -> None:
    answer = await edge.get(path)
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers["Content-Type"] == "text/plain"


@pytest.mark.usefixtures("redis_and_backplane", "set_database")
async def test_readyz_is_200_when_everything_answers(edge: Edge) -> None:
    answer = await edge.get("/readyz")
    assert (answer.status, answer.json()) == (200, ALL_OK)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis_and_backplane")
async def test_readyz_asks_the_real_database(edge: Edge) -> None:
    assert (await edge.get("/readyz")).json() == ALL_OK


@pytest.mark.usefixtures("set_database")
async def test_readyz_says_that_redis_and_backplane_are_out_of_reach(
    edge: Edge, redis_and_backplane: tuple[Dependency, Dependency]
) -> None:
    redis, backplane = redis_and_backplane
    redis.failure = RedisUnavailable("redis.internal:6379 refused")
    backplane.failure = BackplaneUnavailable("redis.internal:6379 refused")
    answer = await edge.get("/readyz")
    assert answer.status == 503
    assert answer.json() == {"redis": "unreachable", "database": "ok", "backplane": "unreachable"}


@pytest.mark.usefixtures("redis_and_backplane")
async def test_readyz_says_that_the_database_is_out_of_reach(
    edge: Edge, set_database: Callable[[Exception | None], None]
) -> None:
    set_database(OperationalError("FATAL: password authentication failed"))
    answer = await edge.get("/readyz")
    assert answer.status == 503
    assert answer.json() == {"redis": "ok", "database": "unreachable", "backplane": "ok"}


@pytest.mark.usefixtures("set_database")
async def test_readyz_does_not_wait_for_what_hangs(
    edge: Edge,
    redis_and_backplane: tuple[Dependency, Dependency],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT_SECONDS", 0.01)
    redis, _ = redis_and_backplane
    redis.released.clear()
    answer = await edge.get("/readyz")
    assert (answer.status, answer.json()["redis"], redis.pings) == (503, "unreachable", 1)


@pytest.mark.usefixtures("set_database")
async def test_readyz_looks_once_for_all_who_ask_meanwhile_and_again_for_the_next(
    edge: Edge, redis_and_backplane: tuple[Dependency, Dependency]
) -> None:
    redis, _ = redis_and_backplane
    await asyncio.gather(*(edge.get("/readyz") for _ in range(10)))
    assert redis.pings == 1
    redis.failure = RedisUnavailable("gone")
    assert (await edge.get("/readyz")).status == 503
    assert redis.pings == 2


@pytest.mark.usefixtures("set_database")
async def test_who_hangs_up_leaves_the_look_to_the_others(
    edge: Edge, redis_and_backplane: tuple[Dependency, Dependency]
) -> None:
    redis, _ = redis_and_backplane
    redis.released.clear()
    first, second = (asyncio.create_task(edge.get("/readyz")) for _ in range(2))
    await redis.asked.wait()
    first.cancel()
    redis.released.set()
    assert (await second).json() == ALL_OK
    assert redis.pings == 1


@pytest.mark.parametrize("path", ["/healthcheck", "/readyz", "/metrics", "/openapi.yaml"])
async def test_what_is_only_read_says_so(edge: Edge, path: str) -> None:
    answer = await edge.exchange("POST", path, "", {}, b"")
    assert answer.error == (405, "method_not_allowed", "Only GET, HEAD is allowed.")
    assert answer.headers["Allow"] == "GET, HEAD"
    answer = await edge.exchange("OPTIONS", path, "", {}, b"")
    assert (answer.status, answer.body) == (200, b"GET, HEAD")
