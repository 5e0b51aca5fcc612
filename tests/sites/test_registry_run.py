"""The registry as it runs: how changes arrive, and when uses of keys are written."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from sites import registry as module
from sites.models import ApiKey, Site
from sites.registry import Registry
from sites.snapshots import SiteSnapshot, read_sites
from tests.sites.conftest import KEY

TIMEOUT_SECONDS = 10


@pytest.fixture
def stored_site(transactional_db: None) -> Site:
    """A committed site, as `run()` reads in a thread of its own."""
    site = Site.objects.create(name="newsite", auth_url="http://newsite.com/socketrooms")
    ApiKey.objects.add(site, KEY)
    return site


@pytest.fixture
def process_registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A fresh registry in the place of the process's one, which signals wake."""
    registry = Registry()
    monkeypatch.setattr(module, "registry", registry)
    return registry


@asynccontextmanager
async def running(registry: Registry) -> AsyncIterator["asyncio.Queue[frozenset[str]]"]:
    """Run the registry; yields the queue of what its listener is told."""
    told: asyncio.Queue[frozenset[str]] = asyncio.Queue()
    registry.add_listener(told.put_nowait)
    task = asyncio.create_task(registry.run())
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def told_next(told: "asyncio.Queue[frozenset[str]]") -> frozenset[str]:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await told.get()


def refresh_every(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", seconds)


async def test_run_loads_at_once_and_calls_listeners_on_the_loop(
    stored_site: Site, process_registry: Registry
) -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    process_registry.add_listener(lambda _: loops.append(asyncio.get_running_loop()))
    async with running(process_registry) as told:
        assert await told_next(told) == {"newsite"}
    assert loops == [asyncio.get_running_loop()]


async def test_save_in_this_process_is_live_without_waiting(
    stored_site: Site, process_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_every(monkeypatch, 3600)
    async with running(process_registry) as told:
        await told_next(told)
        stored_site.is_enabled = False
        await sync_to_async(stored_site.save)()
        assert await told_next(told) == {"newsite"}
        assert process_registry.get("newsite") is None


async def test_revoked_or_deleted_key_is_refused_without_waiting(
    stored_site: Site, process_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_every(monkeypatch, 3600)
    other, key = await sync_to_async(ApiKey.objects.make)(stored_site)
    async with running(process_registry) as told:
        await told_next(told)
        await sync_to_async(other.revoke)()
        await told_next(told)
        assert process_registry.identify("newsite", key) == (None, 0)
        await sync_to_async(stored_site.api_keys.all().delete)()
        await told_next(told)
        assert process_registry.identify("newsite", KEY) == (None, 0)


async def test_change_of_another_process_arrives_by_itself(
    stored_site: Site, process_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_every(monkeypatch, 0.01)
    async with running(process_registry) as told:
        await told_next(told)
        # update() sends no signal, just as a change elsewhere sends none here
        await sync_to_async(Site.objects.update)(auth_scheme="Token")
        assert await told_next(told) == {"newsite"}
        site = process_registry.get("newsite")
        assert site is not None
        assert site.auth_scheme == "Token"


async def test_lost_database_is_logged_once_and_changes_nothing(
    stored_site: Site,
    process_registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refresh_every(monkeypatch, 0)
    caplog.set_level(logging.INFO, "sites.registry")
    failures, tried_often = 0, asyncio.Event()

    def fail() -> dict[str, SiteSnapshot]:
        nonlocal failures
        failures += 1
        if failures == 3:
            loop.call_soon_threadsafe(tried_often.set)
        raise OperationalError("no connection")

    loop = asyncio.get_running_loop()
    async with running(process_registry) as told:
        await told_next(told)
        monkeypatch.setattr(module, "read_sites", fail)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await tried_often.wait()
        assert process_registry.identify("newsite", KEY)[0]
        await sync_to_async(Site.objects.update)(auth_scheme="Token")
        monkeypatch.setattr(module, "read_sites", read_sites)
        assert await told_next(told) == {"newsite"}
    assert [record.levelname for record in caplog.records if "Database" in record.message] == [
        "WARNING",
        "INFO",
    ]


async def test_unforeseen_error_is_logged_and_survived(
    stored_site: Site,
    process_registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refresh_every(monkeypatch, 0)

    def fail_once() -> dict[str, SiteSnapshot]:
        monkeypatch.setattr(module, "read_sites", read_sites)
        raise ValueError("a digest that is no hexadecimal")

    monkeypatch.setattr(module, "read_sites", fail_once)
    async with running(process_registry) as told:
        assert await told_next(told) == {"newsite"}
    assert "could not be read" in caplog.text


async def test_run_writes_when_a_key_was_last_used_once_a_minute(
    stored_site: Site, process_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_every(monkeypatch, 0)
    written: asyncio.Queue[dict[int, object]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def write(used: dict[int, object]) -> None:
        loop.call_soon_threadsafe(written.put_nowait, used)

    monkeypatch.setattr(module, "write_uses", write)
    async with running(process_registry) as told, asyncio.timeout(TIMEOUT_SECONDS):
        await told_next(told)
        process_registry.identify("newsite", "wrong")
        process_registry.identify("newsite", KEY)
        key = await sync_to_async(stored_site.api_keys.get)()
        assert list(await written.get()) == [key.pk]
        process_registry.identify("newsite", KEY)
        for _ in range(3):  # reads that could each write
            await sync_to_async(Site.objects.update)(auth_scheme=f"Token{_}")
            await told_next(told)
        assert written.empty()


async def test_flush_writes_what_is_left_whenever_it_is_called(
    stored_site: Site, process_registry: Registry
) -> None:
    await sync_to_async(process_registry.load)()
    for _ in range(3):
        process_registry.identify("newsite", KEY)
    await process_registry.flush()
    key = await sync_to_async(stored_site.api_keys.get)()
    assert (key.use_count, key.last_used_at is not None) == (3, True)


async def test_last_use_that_was_not_written_is_kept(
    stored_site: Site, process_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_every(monkeypatch, 0)
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0)
    done, attempts, loop = asyncio.Event(), list[list[int]](), asyncio.get_running_loop()

    def write(used: dict[int, object]) -> None:
        attempts.append(list(used))
        if len(attempts) == 1:
            raise OperationalError("locked")
        loop.call_soon_threadsafe(done.set)

    monkeypatch.setattr(module, "write_uses", write)
    async with running(process_registry) as told, asyncio.timeout(TIMEOUT_SECONDS):
        await told_next(told)
        process_registry.identify("newsite", KEY)
        await done.wait()
    assert attempts[0] == attempts[1]


async def test_cancelled_run_ends_and_ignores_later_wakes(process_registry: Registry) -> None:
    task = asyncio.create_task(process_registry.run())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    process_registry.wake()
