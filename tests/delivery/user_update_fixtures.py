"""Processes that tell a site of its users, and the site that is told."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from delivery import user_updates
from delivery.connections import Connection
from delivery.exceptions import UpdateFailed
from delivery.presence import Presence
from delivery.queue_values import Device
from delivery.queues import Queues
from delivery.site_updates import SiteUpdates, Update
from delivery.update_schedule import UpdateSchedule
from delivery.user_updates import UserUpdates
from sites.registry import Registry
from sites.snapshots import SiteSnapshot
from tests.delivery.http_fixtures import make_site
from tests.delivery.queue_fixtures import ROOM, SITE, TTL_SECONDS, find_keys
from tests.delivery.socket_fixtures import until

PASSING = UpdateFailed("The site answered 503", is_definite=False)


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

    def close(self) -> None: ...


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
