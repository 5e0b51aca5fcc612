"""The stream of figures, and what is drawn from them."""

import asyncio
from collections.abc import AsyncGenerator

import orjson
import pytest
from redis.asyncio import Redis

from delivery.counters import FIELDS, Counters
from delivery.exceptions import RedisUnavailable
from delivery.redis_client import close_async_redis, get_async_redis
from delivery.reports import Reports
from delivery.statistics import Counts, Figures, Statistics
from sioweb_project.control import site_status, stream
from sioweb_project.control.series import percentile, to_json
from tests.sioweb_project.control_fixtures import NO_FIGURES

NOTHING: Counts = (0,) * len(FIELDS)


def counts(**values: int) -> Counts:
    named = {name.replace("__", "."): value for name, value in values.items()}
    assert named.keys() <= set(FIELDS)
    return tuple(named.get(name, 0) for name in FIELDS)


def figures(*minutes: Counts, recent: tuple[Counts, ...] = (NOTHING,)) -> Figures:
    return Figures(1_800_000_030, (), 5, 2, None, recent, minutes)


def test_the_last_minute_is_what_came_in_twelve_buckets() -> None:
    old, new = counts(messages=100), counts(messages=1, stored=2, broadcast=3)
    answer = to_json(figures(NOTHING, recent=(old, *[new] * 12)))
    assert (answer["minute"]["messages"], answer["minute"]["delivered"]) == (12, 60)


def test_an_hour_is_drawn_by_the_minute() -> None:
    answer = to_json(figures(counts(acks=1), counts(acks=2, refused__denied=7)))
    assert answer["hour"]["acks"] == [1, 2]
    assert answer["hour"]["start"] == 1_800_000_030 - 30 - 60
    assert answer["refused"]["denied"] == 7
    assert answer["hour"]["refused"] == [0, 7]


def test_delays_are_drawn_where_there_were_acks() -> None:
    answer = to_json(figures(NOTHING, counts(delay__4=10)))
    assert answer["hour"]["p50"] == [None, 3.5]


def test_a_percentile_lies_in_its_class() -> None:
    classes = [90, 0, 0, 0, 10] + [0] * 26
    assert percentile(classes, 0.5) == pytest.approx(0.56, abs=0.01)
    assert percentile(classes, 0.95) == 3.5


class Closing:
    """Figures without end, that know when nobody asks any more."""

    is_closed = False

    async def watch(self) -> AsyncGenerator[Figures | None, None]:
        try:
            while True:
                yield NO_FIGURES
                await asyncio.sleep(0)
        finally:
            self.is_closed = True


async def test_a_stream_ends_with_the_right_to_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = iter([True, True, False])

    async def is_still_allowed(session_key: str, site_name: str) -> bool:
        assert (session_key, site_name) == ("session", "newsite")
        return next(allowed)

    monkeypatch.setattr(stream, "CHECK_SECONDS", -1.0)
    monkeypatch.setattr(stream, "is_still_allowed", is_still_allowed)
    monkeypatch.setattr(stream, "to_json", lambda figures: {"now": figures.now})
    closing = Closing()
    events = [each async for each in stream._events(None, closing.watch(), "session", "newsite")]
    assert events[0] == b"data: null\n\n"
    assert [orjson.loads(each[6:]) for each in events[1:]] == [{"now": NO_FIGURES.now}] * 2
    assert closing.is_closed


async def _report() -> None:
    client: Redis = get_async_redis("queues")
    await client.flushdb()
    counters = Counters()
    counters.of("newsite").connect()
    counters.of("newsite").messages = 4
    counters.of("newsite").fail_auth("Auth 404 error")
    await Reports(counters, Statistics()).report()
    await close_async_redis("queues")


def test_the_list_of_sites_has_numbers() -> None:
    asyncio.run(_report())
    found = site_status.provide(["newsite", "othersite"])
    newsite, other = found["newsite"], found["othersite"]
    assert (newsite.clients, newsite.messages_per_minute, newsite.waiting) == (1, 4, 0)
    assert newsite.last_auth_failure == "Auth 404 error"
    assert newsite.last_auth_failure_at is not None
    assert (other.clients, other.last_auth_failure_at) == (0, None)


def test_without_redis_the_list_of_sites_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RedisUnavailable("gone")

    monkeypatch.setattr(Statistics, "glance", fail)
    assert site_status.provide(["newsite"]) == {}
