"""A site hears once of each user who comes or goes, whichever processes their clients are on."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from delivery import update_schedule, user_updates
from delivery.connections import Connection
from delivery.exceptions import RedisUnavailable, UpdateFailed
from delivery.presence import Presence
from delivery.queue_values import Device
from delivery.queues import LEASE_SECONDS, Queues
from delivery.site_updates import SiteUpdates, Update
from delivery.update_schedule import Told, UpdateSchedule
from delivery.user_updates import CALLS_PER_SITE, MAX_TRIES, UserUpdates
from sites.registry import Registry, SiteSnapshot
from tests.delivery.http_fixtures import make_site
from tests.delivery.queue_fixtures import ROOM, SITE, TTL_SECONDS, find_keys
from tests.delivery.socket_fixtures import until

PHONE = Device(SITE, ROOM, "phone")
PASSING = UpdateFailed("The site answered 503", is_definite=False)
FINAL = UpdateFailed("The site answered 404", is_definite=True)


@dataclass
class FakeSite:
    """Takes in what it is told, or fails with each of `failures` first."""

    told: list[tuple[str, bool]] = field(default_factory=list)
    tried: int = 0
    failures: list[UpdateFailed] = field(default_factory=list)
    released: asyncio.Event | None = None

    async def put(self, site: SiteSnapshot, update: Update) -> None:
        self.tried += 1
        if self.released is not None:
            await self.released.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.told.append((update.room, update.is_online))

    async def close(self) -> None: ...


@dataclass
class World:
    """Two processes, their shared Redis, and time that passes when a test says so."""

    redis: Redis
    queues: Queues
    site: FakeSite
    sites: dict[str, SiteSnapshot]
    processes: list[UserUpdates]

    async def come(self, room: str = ROOM, process: int = 0, device: str = "phone") -> None:
        await self.queues.know([Device(SITE, room, device)])
        self.processes[process].note_coming(self._connection(room))

    async def go(self, room: str = ROOM, process: int = 0, device: str = "phone") -> None:
        await self.queues.release(Device(SITE, room, device))
        self.processes[process].note_going(self._connection(room), [room])

    async def turn(self, *, after_ms: int = 0) -> None:
        """Let all processes look at once; `after_ms` brings near what is due later."""
        if after_ms:
            await self._bring_near(after_ms)
        await asyncio.gather(*(each.turn() for each in self.processes))
        await until(lambda: not any(each._tasks._running for each in self.processes))

    async def wait_ms(self) -> int:
        """How long until somebody looks at the only user."""
        [(_, due)] = await self._scores("sioweb:{updates}:due")
        return int(due - await self._now_ms())

    async def let_leases_run_out(self) -> None:
        for key in await find_keys(self.redis):
            if ":holders:" in key:
                await self.redis.delete(key)
            elif key.endswith(":devices"):
                for device, _ in await self._scores(key):
                    await self.redis.zadd(key, {device: await self._now_ms()})

    async def keys(self) -> list[str]:
        return [key for key in await find_keys(self.redis) if "{updates}" in key]

    async def _bring_near(self, ms: int) -> None:
        for process in self.processes:
            await process._hand_in_notes()
        for key in await self.keys():
            if key.endswith(("due", "busy")):
                for name, score in await self._scores(key):
                    await self.redis.zadd(key, {name: score - ms})

    async def _scores(self, key: str) -> list[tuple[bytes, float]]:
        scores: Any = await self.redis.zrange(key, 0, -1, withscores=True)
        return [(name, score) for name, score in scores]

    async def _now_ms(self) -> float:
        seconds, microseconds = await self.redis.time()
        return float(seconds * 1000 + microseconds / 1000)

    def _connection(self, room: str) -> Connection:
        @dataclass
        class Rooms:
            site: SiteSnapshot
            rooms: tuple[str, ...]

        return cast("Connection", Rooms(self.sites[SITE], (room, "staff")))


@pytest.fixture
def world(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(user_updates, "GRACE_MS", 0)
    sites = {SITE: make_site(update_user_url="http://newsite.com/users/:id")}
    registry = Registry()
    registry._sites = sites
    site = FakeSite()
    put = cast("SiteUpdates", site)
    processes = [UserUpdates(registry, UpdateSchedule(), Presence(), put) for _ in range(2)]
    return World(redis, Queues(ttl_seconds=TTL_SECONDS), site, sites, processes)


async def test_site_hears_once_of_who_comes_and_goes(world: World) -> None:
    await world.come()
    await world.turn()
    await world.turn()
    assert world.site.told == [(ROOM, True)]
    await world.go()
    await world.turn()
    await world.turn()
    assert world.site.told == [(ROOM, True), (ROOM, False)]
    assert await world.keys() == []


async def test_two_processes_make_one_call(world: World) -> None:
    await world.come(process=0, device="phone")
    await world.come(process=1, device="laptop")
    await world.turn()
    await world.go(process=0, device="phone")
    await world.turn()
    assert world.site.told == [(ROOM, True)]
    await world.go(process=1, device="laptop")
    await world.turn()
    assert world.site.told == [(ROOM, True), (ROOM, False)]


async def test_page_that_is_loaded_anew_makes_no_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.come()
    await world.turn()
    monkeypatch.setattr(user_updates, "GRACE_MS", 60_000)
    await world.go()
    assert world.processes[0]._notes == {(SITE, ROOM): 60_000}
    await world.turn(after_ms=60_000)  # somebody looks too early: the user has just left
    await world.come(process=1)
    await world.turn()
    assert world.site.told == [(ROOM, True)]


async def test_shared_rooms_and_sites_without_the_url_are_not_noted(world: World) -> None:
    world.sites[SITE] = replace(world.sites[SITE], update_user_url="")
    await world.come()
    await world.go()
    await world.turn()
    assert (world.site.told, await world.keys()) == ([], [])
    assert world.processes[0]._notes == {}


async def test_user_of_a_killed_process_is_gone_when_the_lease_has_run_out(world: World) -> None:
    await world.come()
    await world.turn()
    assert 0 < await world.wait_ms() <= 1000 * (LEASE_SECONDS + 1)
    await world.let_leases_run_out()
    await world.turn(after_ms=1000 * (LEASE_SECONDS + 2))
    assert world.site.told == [(ROOM, True), (ROOM, False)]


async def test_user_who_stays_is_looked_at_again_after_each_lease(world: World) -> None:
    await world.come()
    for _ in range(3):
        await world.turn(after_ms=1000 * (LEASE_SECONDS + 2))
    assert world.site.told == [(ROOM, True)]


async def test_process_that_dies_amid_a_call_leaves_it_to_another(world: World) -> None:
    await world.come()
    await world.processes[0]._hand_in_notes()
    await UpdateSchedule().take(10)
    assert [await world.redis.ttl(key) > 0 for key in await world.keys()] == [True, True]
    await world.turn()
    assert world.site.told == []
    await world.turn(after_ms=update_schedule.CLAIM_MS + 1)
    assert world.site.told == [(ROOM, True)]


async def test_call_that_fails_is_made_again_later_and_later(world: World) -> None:
    world.site.failures = [PASSING] * 3
    await world.come()
    await world.turn()
    for wait_ms in (2_000, 4_000, 8_000):
        assert wait_ms / 2 < await world.wait_ms() <= wait_ms
        await world.turn(after_ms=wait_ms)
    assert world.site.told == [(ROOM, True)]


async def test_user_who_is_back_before_a_call_was_taken_in_needs_none(world: World) -> None:
    await world.come()
    await world.turn()
    world.site.failures = [PASSING]
    await world.go()
    await world.turn()
    await world.come()
    await world.turn()
    assert world.site.told == [(ROOM, True)]
    assert world.site.tried == 2


@pytest.mark.parametrize("failures", [[FINAL], [PASSING] * MAX_TRIES], ids=["final", "many"])
async def test_what_cannot_be_told_is_given_up(failures: list[UpdateFailed], world: World) -> None:
    world.site.failures = list(failures)
    await world.come()
    for _ in range(len(failures) + 2):
        await world.turn(after_ms=user_updates.LONGEST_RETRY_MS)
    assert (world.site.tried, world.site.told) == (len(failures), [])
    await world.go()
    await world.turn()
    assert world.site.told == [(ROOM, False)]


async def test_user_who_goes_while_the_site_is_told_is_told_next(world: World) -> None:
    world.site.released = asyncio.Event()
    await world.come()
    await world.processes[0].turn()
    await until(lambda: world.site.tried)
    await world.go(process=1)
    await world.processes[1].turn()
    assert world.site.tried == 1
    world.site.released.set()
    await until(lambda: not world.processes[0]._tasks._running)
    await world.turn()
    assert world.site.told == [(ROOM, True), (ROOM, False)]


async def test_few_calls_are_made_at_once(world: World) -> None:
    world.site.released = asyncio.Event()
    for number in range(CALLS_PER_SITE + 5):
        await world.come(f"user_{number}")
    await world.processes[0].turn()
    await until(lambda: world.site.tried == CALLS_PER_SITE)
    world.site.released.set()
    await world.turn(after_ms=user_updates.PAUSE_MS)
    assert len(world.site.told) == CALLS_PER_SITE + 5


async def test_site_that_is_not_known_yet_is_waited_for(world: World) -> None:
    await world.come()
    site = world.sites.pop(SITE)
    world.sites["othersite"] = replace(site, name="othersite")
    await world.turn()
    world.sites[SITE] = site
    await world.turn(after_ms=2_000)
    assert world.site.told == [(ROOM, True)]


async def test_what_was_noted_while_redis_was_away_is_looked_at_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RedisUnavailable("gone")

    await world.come()
    with monkeypatch.context() as broken:
        broken.setattr(UpdateSchedule, "note", fail)
        with pytest.raises(RedisUnavailable):
            await world.processes[0].turn()
    await world.turn()
    assert world.site.told == [(ROOM, True)]


async def test_process_that_stops_hands_in_what_it_has_noted(world: World) -> None:
    await world.come()
    await world.turn()
    await world.go()
    await world.processes.pop(0).stop()
    await world.turn()
    assert world.site.told == [(ROOM, True), (ROOM, False)]


async def test_every_key_has_an_end(world: World) -> None:
    await world.come()
    await world.turn()
    assert len(await world.keys()) == 2
    assert all([await world.redis.ttl(key) > 0 for key in await world.keys()])
    taken = await UpdateSchedule().take(10)
    assert taken.users == {}
    assert Told() == Told(is_online=False, tries=0)
