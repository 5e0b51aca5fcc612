"""The sites in memory: what is read, who is let in, and who is told of changes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sites.models import ApiKey, Site
from sites.registry import Registry
from sites.snapshots import SiteSnapshot
from tests.sites.conftest import KEY


@pytest.fixture
def loaded(newsite: Site) -> Registry:
    registry = Registry()
    registry.load()
    return registry


def test_right_key_opens_its_site(loaded: Registry) -> None:
    site, _ = loaded.identify("newsite", KEY)
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
    assert loaded.identify("newsite", key) == (None, 0)


@pytest.mark.parametrize("name", ["", "NEWSITE", "/newsite", "__proto__", "unknown"])
def test_unknown_site_is_refused(loaded: Registry, name: str) -> None:
    assert loaded.get(name) is None
    assert loaded.identify(name, KEY) == (None, 0)


def test_key_of_another_site_is_refused(newsite: Site, loaded: Registry) -> None:
    other = Site.objects.create(name="other", auth_url="http://other.com")
    ApiKey.objects.add(other, "other key")
    loaded.load()
    assert loaded.identify("other", KEY) == (None, 0)
    assert loaded.identify("newsite", "other key") == (None, 0)


def test_unknown_site_costs_the_same_digest_and_one_comparison(
    loaded: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return False

    monkeypatch.setattr("hmac.compare_digest", compare)
    loaded.identify("newsite", "wrong")
    loaded.identify("unknown", "wrong")
    assert len(compared) == 2
    assert compared[0] == compared[1]


def test_every_key_of_a_site_works_until_revoked(newsite: Site, loaded: Registry) -> None:
    row, key = ApiKey.objects.make(newsite)
    loaded.load()
    assert loaded.identify("newsite", KEY)[0]
    assert loaded.identify("newsite", key)[0]
    row.revoke()
    assert loaded.load() == {"newsite"}
    assert loaded.identify("newsite", KEY)[0]
    assert loaded.identify("newsite", key) == (None, 0)


def test_expired_key_is_refused_at_once_and_without_a_read(
    newsite: Site, loaded: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = timezone.now() + timedelta(hours=1)
    newsite.api_keys.get().end(end)
    loaded.load()
    monkeypatch.setattr(timezone, "now", lambda: end - timedelta(milliseconds=1))
    assert loaded.identify("newsite", KEY)[0]
    monkeypatch.setattr(timezone, "now", lambda: end)
    assert loaded.identify("newsite", KEY) == (None, 0)


def test_key_that_was_right_is_so_until_a_site_changes(newsite: Site, loaded: Registry) -> None:
    site, pk = loaded.identify("newsite", KEY)
    assert site is not None
    assert loaded.still_has(loaded.version, site, pk)
    former = loaded.version
    newsite.api_keys.get().revoke()
    loaded.load()
    assert not loaded.still_has(former, site, pk)


@pytest.mark.parametrize("hours", [-1, 1])
def test_key_that_was_right_is_so_until_it_expires(loaded: Registry, hours: int) -> None:
    site, pk = loaded.identify("newsite", KEY)
    assert site is not None
    key = site.keys[0]._replace(expires_at=timezone.now() + timedelta(hours=hours))
    assert loaded.still_has(loaded.version, replace(site, keys=(key,)), pk) == (hours > 0)


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
    assert loaded.identify("newsite", KEY) == (None, 0)


def test_disabled_site_is_gone_and_comes_back(newsite: Site, loaded: Registry) -> None:
    newsite.is_enabled = False
    newsite.save()
    assert loaded.load() == {"newsite"}
    assert loaded.get("newsite") is None
    assert loaded.identify("newsite", KEY) == (None, 0)
    newsite.is_enabled = True
    newsite.save()
    assert loaded.load() == {"newsite"}
    assert loaded.identify("newsite", KEY)[0]


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
        assert loaded.identify("newsite", KEY)[0]


def test_authentication_from_many_threads_while_loading(loaded: Registry) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(loaded.identify, "newsite", KEY) for _ in range(200)]
        for _ in range(20):
            loaded.load()
        assert all(answer.result()[0] for answer in answers)


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
