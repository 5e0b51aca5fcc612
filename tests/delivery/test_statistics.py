"""What all processes have counted, summed up in a real Redis."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from delivery.counters import ALL_SITES, FIELDS, AuthFailure, Counters
from delivery.exceptions import RedisUnavailable
from delivery.redis_client import close_async_redis
from delivery.reports import Reports
from delivery.statistics import FAILURE_SECONDS, PROCESS_SECONDS, Counts, Figures, Statistics, pick
from delivery.version import VERSION
from tests.delivery.queue_fixtures import find_keys


class Member:
    """One process of the cluster, as far as it counts."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.statistics = Statistics()
        self.reports = Reports(self.counters, self.statistics)

    async def count(self, site: str, **counts: int) -> None:
        own = self.counters.of(site)
        for name, value in counts.items():
            is_now = name in ("clients", "waiting")
            setattr(own, name, value if is_now else getattr(own, name) + value)
        await self.reports.report()


@pytest_asyncio.fixture
async def one(redis: Redis) -> AsyncIterator[Member]:
    yield Member()
    await close_async_redis("queues")


@pytest.fixture
def other(one: Member) -> Member:
    return Member()


def total(buckets: tuple[Counts, ...], field: str) -> int:
    return sum(pick(counts, field) for counts in buckets)


def both(figures: Figures, field: str) -> tuple[int, int]:
    return total(figures.recent, field), total(figures.minutes, field)


async def test_without_any_count_all_is_nothing(one: Member) -> None:
    figures = await one.statistics.read("newsite")
    assert (figures.clients, figures.waiting, figures.processes) == (0, 0, ())
    assert (len(figures.recent), len(figures.minutes)) == (36, 60)
    assert {sum(counts) for counts in (*figures.recent, *figures.minutes)} == {0}


async def test_two_processes_are_added_up(one: Member, other: Member) -> None:
    await one.count("newsite", messages=2, clients=5, waiting=1)
    await other.count("newsite", messages=3, clients=7)
    await one.count("newsite", messages=10)
    figures = await other.statistics.read("newsite")
    assert both(figures, "messages") == (15, 15)
    assert (figures.clients, figures.waiting) == (12, 1)


async def test_a_site_is_counted_by_itself_and_with_all(one: Member) -> None:
    await one.count("newsite", acks=2, clients=1)
    await one.count("othersite", acks=3, clients=1)
    assert both(await one.statistics.read("newsite"), "acks") == (2, 2)
    assert both(await one.statistics.read("othersite"), "acks") == (3, 3)
    everything = await one.statistics.read(ALL_SITES)
    assert both(everything, "acks") == (5, 5)
    assert everything.clients == 2


async def test_who_sees_one_site_sees_nothing_of_others(one: Member) -> None:
    await one.count("newsite", clients=1, waiting=2)
    await one.count("othersite", clients=4)
    [process] = (await one.statistics.read("newsite")).processes
    assert process.clients == 1
    assert process.sites.keys() == {"newsite"}
    [process] = (await one.statistics.read("third")).processes
    assert process.clients == 0
    [process] = (await one.statistics.read(ALL_SITES)).processes
    assert process.clients == 5


async def test_the_first_and_the_last_count_come_back_as_they_were(one: Member) -> None:
    counts = one.counters.of("newsite")
    counts.connects = 1
    counts.ack(1, 1000.0)
    await one.reports.report()
    figures = await one.statistics.read("newsite")
    values = figures.minutes[-1]
    assert {name: value for name, value in zip(FIELDS, values, strict=True) if value} == {
        "connects": 1,
        "acks": 1,
        "delay.inf": 1,
    }


async def test_the_processes_tell_who_they_are(one: Member, other: Member) -> None:
    await one.count("newsite", clients=1)
    await other.count("newsite", clients=2)
    processes = (await one.statistics.read(ALL_SITES)).processes
    assert len({process.id for process in processes}) == 2
    assert sorted(process.clients for process in processes) == [1, 2]
    assert {process.version for process in processes} == {VERSION}


async def test_a_silent_process_is_gone(one: Member, other: Member, redis: Redis) -> None:
    await one.count("newsite", clients=1)
    key = "sioweb:{statistics}:processes"
    [name] = map(bytes, await redis.zrange(key, 0, -1))  # type: ignore[arg-type]
    await redis.zincrby(key, -PROCESS_SECONDS - 2, name)
    await other.count("newsite", clients=2)
    assert (await other.statistics.read("newsite")).clients == 2


async def test_a_process_that_ends_leaves_its_counts_behind(one: Member, other: Member) -> None:
    await other.count("newsite", messages=1)
    one.counters.of("newsite").messages = 2
    await one.reports.end()
    figures = await other.statistics.read("newsite")
    assert len(figures.processes) == 1
    assert both(figures, "messages") == (3, 3)


async def test_every_key_has_an_end(one: Member, redis: Redis) -> None:
    one.counters.of("newsite").fail_auth("Auth 404 error")
    await one.count("newsite", messages=1)
    ends = {key.split(":", 2)[2]: await redis.ttl(key) for key in await find_keys(redis)}
    assert len(ends) == 7
    assert min(ends.values()) > 0
    assert max(ends.values()) <= FAILURE_SECONDS
    assert ends["processes"] <= PROCESS_SECONDS


async def test_the_keys_of_statistics_are_in_one_slot(one: Member, redis: Redis) -> None:
    await one.count("a}b{c", messages=1)
    slots = {await redis.execute_command("CLUSTER KEYSLOT", key) for key in await find_keys(redis)}  # type: ignore[no-untyped-call]
    assert len(slots) == 1
    assert both(await one.statistics.read("a}b{c"), "messages") == (1, 1)


async def test_a_second_without_events_writes_the_process_only(one: Member, redis: Redis) -> None:
    one.counters.of("newsite")
    await one.reports.report()
    assert len(await find_keys(redis)) == 2


async def test_the_last_failure_is_kept_beside_the_counts(one: Member, other: Member) -> None:
    one.counters.of("newsite").fail_auth("x" * 1000)
    await one.reports.report()
    await one.reports.report()
    failure = (await other.statistics.read("newsite")).auth_failure
    assert isinstance(failure, AuthFailure)
    assert failure.reason == "x" * 200
    assert (await other.statistics.read("othersite")).auth_failure is None


async def test_a_glance_at_many_sites_at_once(one: Member) -> None:
    await one.count("newsite", messages=7, clients=3, waiting=2)
    glances = await one.statistics.glance(["newsite", "othersite"])
    assert (glances["newsite"].clients, glances["newsite"].waiting) == (3, 2)
    assert glances["newsite"].messages_per_minute == 7
    assert (glances["othersite"].clients, glances["othersite"].messages_per_minute) == (0, 0)


async def test_counts_that_redis_cannot_take_are_let_go_and_said_once(
    one: Member, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise RedisUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(one.statistics, "record", fail)
        await one.count("newsite", messages=1)
        await one.count("newsite", messages=1)
    assert caplog.text.count("does not reach Redis") == 1
    await one.count("newsite", messages=5)
    assert both(await one.statistics.read("newsite"), "messages") == (5, 5)
