"""A site hears once of each user who comes or goes, whichever processes their clients are on."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from delivery import update_schedule, user_updates
from delivery.exceptions import RedisUnavailable, UpdateFailed
from delivery.queue_values import Device
from delivery.queues import LEASE_SECONDS
from delivery.update_schedule import Settled, Taken, Told, UpdateSchedule
from delivery.user_updates import CALLS_PER_SITE, MAX_TRIES
from tests.delivery.queue_fixtures import ROOM, SITE
from tests.delivery.socket_fixtures import until
from tests.delivery.user_update_fixtures import PASSING, World, world

__all__ = ["world"]


PHONE = Device(SITE, ROOM, "phone")

FINAL = UpdateFailed("The site answered 404", is_definite=True)


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


async def test_user_who_was_there_before_the_url_is_told_of_when_they_next_come(
    world: World,
) -> None:
    with_url = world.sites[SITE]
    world.sites[SITE] = replace(with_url, update_user_url="")
    await world.come(device="phone")
    await world.turn()
    world.sites[SITE] = with_url
    await world.turn()
    assert world.site.told == []
    await world.come(device="laptop")
    await world.turn()
    assert world.site.told == [(ROOM, True)]


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


async def test_call_that_ends_while_redis_is_away_is_made_once_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: UpdateSchedule, __: Taken, settled: Iterable[Settled]) -> None:
        if list(settled):
            raise RedisUnavailable("gone")

    await world.come()
    with monkeypatch.context() as broken:
        broken.setattr(UpdateSchedule, "settle", fail)
        await world.turn()
    assert world.site.told == [(ROOM, True)]
    for _ in range(2):
        await world.turn(after_ms=update_schedule.CLAIM_MS + 1)
    assert world.site.told == [(ROOM, True)] * 2


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
