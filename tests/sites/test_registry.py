"""The sites in memory: what is read, who is let in, and how changes arrive."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sites import registry as module
from sites.models import ApiKey, Site
from sites.registry import Registry, SiteSnapshot
from tests.sites.conftest import KEY

TIMEOUT_SECONDS = 10


@pytest.fixture
def loaded(newsite: Site) -> Registry:
    registry = Registry()
    registry.load()
    return registry


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


def test_right_key_opens_its_site(loaded: Registry) -> None:
    site = loaded.authenticate("newsite", KEY)
    assert site is not None
    assert site == loaded.get("newsite")
    assert (site.auth_url, site.auth_scheme) == ("http://newsite.com/socketrooms", "Bearer")


def test_limits_and_origins_of_a_site_are_read(newsite: Site) -> None:
    newsite.allowed_origins, newsite.sends_per_second = "https://newsite.com", 50
    newsite.save()
    registry = Registry()
    registry.load()
    site = registry.get("newsite")
    assert site is not None
    assert (site.allowed_origins, site.sends_per_second) == ("https://newsite.com", 50)
    assert (site.queue_bytes, len(site.keys)) == (None, 1)


@pytest.mark.parametrize("key", ["", "5432", "543210", "54321 ", "\ud800"])
def test_wrong_key_is_refused(loaded: Registry, key: str) -> None:
    assert loaded.authenticate("newsite", key) is None


@pytest.mark.parametrize("name", ["", "NEWSITE", "/newsite", "__proto__", "unknown"])
def test_unknown_site_is_refused(loaded: Registry, name: str) -> None:
    assert loaded.get(name) is None
    assert loaded.authenticate(name, KEY) is None


def test_key_of_another_site_is_refused(newsite: Site, loaded: Registry) -> None:
    other = Site.objects.create(name="other", auth_url="http://other.com")
    ApiKey.objects.add(other, "other key")
    loaded.load()
    assert loaded.authenticate("other", KEY) is None
    assert loaded.authenticate("newsite", "other key") is None


def test_unknown_site_costs_the_same_digest_and_one_comparison(
    loaded: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return False

    monkeypatch.setattr("hmac.compare_digest", compare)
    loaded.authenticate("newsite", "wrong")
    loaded.authenticate("unknown", "wrong")
    assert len(compared) == 2
    assert compared[0] == compared[1]


def test_every_key_of_a_site_works_until_revoked(newsite: Site, loaded: Registry) -> None:
    row, key = ApiKey.objects.make(newsite)
    loaded.load()
    assert loaded.authenticate("newsite", KEY)
    assert loaded.authenticate("newsite", key)
    row.revoke()
    assert loaded.load() == {"newsite"}
    assert loaded.authenticate("newsite", KEY)
    assert loaded.authenticate("newsite", key) is None


def test_expired_key_is_refused_at_once_and_without_a_read(
    newsite: Site, loaded: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = timezone.now() + timedelta(hours=1)
    newsite.api_keys.get().end(end)
    loaded.load()
    monkeypatch.setattr(timezone, "now", lambda: end - timedelta(milliseconds=1))
    assert loaded.authenticate("newsite", KEY)
    monkeypatch.setattr(timezone, "now", lambda: end)
    assert loaded.authenticate("newsite", KEY) is None


def test_expired_key_is_not_even_read(newsite: Site, loaded: Registry) -> None:
    newsite.api_keys.get().end(timezone.now())
    assert loaded.load() == {"newsite"}
    site = loaded.get("newsite")
    assert site is not None
    assert site.keys == ()


def test_site_without_usable_keys_is_there_but_closed(newsite: Site, loaded: Registry) -> None:
    newsite.api_keys.get().revoke()
    loaded.load()
    assert loaded.get("newsite") is not None
    assert loaded.authenticate("newsite", KEY) is None


def test_disabled_site_is_gone_and_comes_back(newsite: Site, loaded: Registry) -> None:
    newsite.is_enabled = False
    newsite.save()
    assert loaded.load() == {"newsite"}
    assert loaded.get("newsite") is None
    assert loaded.authenticate("newsite", KEY) is None
    newsite.is_enabled = True
    newsite.save()
    assert loaded.load() == {"newsite"}
    assert loaded.authenticate("newsite", KEY)


def test_load_returns_added_changed_and_gone_but_not_the_rest(
    newsite: Site, loaded: Registry
) -> None:
    gone = Site.objects.create(name="gone", auth_url="http://gone.com")
    Site.objects.create(name="same", auth_url="http://same.com")
    assert loaded.load() == {"gone", "same"}
    gone.delete()
    newsite.auth_scheme = "Token"
    newsite.save()
    assert loaded.load() == {"gone", "newsite"}


def test_renaming_is_one_site_gone_and_one_added(newsite: Site, loaded: Registry) -> None:
    newsite.name = "renamed"
    newsite.save()
    assert loaded.load() == {"newsite", "renamed"}


def test_listeners_are_told_changes_only(newsite: Site, loaded: Registry) -> None:
    told: list[frozenset[str]] = []
    loaded.add_listener(told.append)
    loaded.load()
    Site.objects.update(auth_scheme="Token", updated_at=timezone.now())
    loaded.load()
    loaded.load()
    assert told == [{"newsite"}]


def test_use_of_a_key_is_no_change(newsite: Site, loaded: Registry) -> None:
    newsite.api_keys.update(last_used_at=timezone.now(), label="renamed")
    assert loaded.load() == frozenset()


def test_failing_listener_does_not_stop_the_others(
    newsite: Site, caplog: pytest.LogCaptureFixture
) -> None:
    registry, told = Registry(), list[frozenset[str]]()

    def fail(names: frozenset[str]) -> None:
        raise RuntimeError("listener")

    registry.add_listener(fail)
    registry.add_listener(told.append)
    registry.load()
    assert told == [{"newsite"}]
    assert "A listener failed" in caplog.text


def test_load_takes_two_queries_however_many_sites(
    newsite: Site, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        ApiKey.objects.make(Site.objects.create(name=f"site{number}", auth_url="http://a.com"))
    registry = Registry()
    with django_assert_num_queries(2):
        assert len(registry.load()) == 21


def test_authentication_touches_no_database(
    loaded: Registry, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert loaded.authenticate("newsite", KEY)


def test_authentication_from_many_threads_while_loading(loaded: Registry) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(loaded.authenticate, "newsite", KEY) for _ in range(200)]
        for _ in range(20):
            loaded.load()
        assert all(answer.result() is not None for answer in answers)


def test_rooms_of_a_user_start_with_the_prefix() -> None:
    site = SiteSnapshot("newsite", "http://newsite.com", user_room_prefix="user_")
    assert site.is_user_room("user_1")
    assert site.is_user_room("user_")
    assert not site.is_user_room("staff")
    assert not site.is_user_room("User_1")


def test_blank_prefix_means_no_user_rooms() -> None:
    assert not SiteSnapshot("newsite", "http://newsite.com").is_user_room("user_1")


@pytest.mark.parametrize(
    ("is_prefixed", "events"), [(False, ("batch", "resync")), (True, ("_batch", "_resync"))]
)
def test_system_events_are_prefixed_on_request(is_prefixed: bool, events: tuple[str, str]) -> None:
    site = SiteSnapshot("newsite", "http://a.com", prefixed_system_events=is_prefixed)
    assert (site.batch_event, site.resync_event) == events


def test_digests_stay_out_of_logs(loaded: Registry) -> None:
    site = loaded.get("newsite")
    assert site is not None
    assert repr(site.keys[0].digest) not in repr(site)


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
        assert process_registry.authenticate("newsite", key) is None
        await sync_to_async(stored_site.api_keys.all().delete)()
        await told_next(told)
        assert process_registry.authenticate("newsite", KEY) is None


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
    read, failures, tried_often = module.read_sites, 0, asyncio.Event()

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
        assert process_registry.authenticate("newsite", KEY)
        await sync_to_async(Site.objects.update)(auth_scheme="Token")
        monkeypatch.setattr(module, "read_sites", read)
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
    read = module.read_sites

    def fail_once() -> dict[str, SiteSnapshot]:
        monkeypatch.setattr(module, "read_sites", read)
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
        process_registry.authenticate("newsite", "wrong")
        process_registry.authenticate("newsite", KEY)
        key = await sync_to_async(stored_site.api_keys.get)()
        assert list(await written.get()) == [key.pk]
        process_registry.authenticate("newsite", KEY)
        for _ in range(3):  # reads that could each write
            await sync_to_async(Site.objects.update)(auth_scheme=f"Token{_}")
            await told_next(told)
        assert written.empty()


async def test_flush_writes_what_is_left_whenever_it_is_called(
    stored_site: Site, process_registry: Registry
) -> None:
    await sync_to_async(process_registry.load)()
    for _ in range(3):
        process_registry.authenticate("newsite", KEY)
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
        process_registry.authenticate("newsite", KEY)
        await done.wait()
    assert attempts[0] == attempts[1]


async def test_cancelled_run_ends_and_ignores_later_wakes(process_registry: Registry) -> None:
    task = asyncio.create_task(process_registry.run())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    process_registry.wake()
