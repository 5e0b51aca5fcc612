"""Entries into the database, and what an admin changed staying as it is."""

import pytest

from sites.entries import check_entries
from sites.models import ApiKey, Site
from sites.registry import Registry
from sites.seeding import seed
from tests.sites.conftest import KEY

NEWSITE = {
    "authUrl": "http://newsite.com/socketrooms",
    "authScheme": "Bearer",
    "apiKey": KEY,
    "userRoomPrefix": "user_",
}


def changes(
    *, update: bool = False, dry_run: bool = False, name: str = "newsite", **fields: object
) -> list[str]:
    """Seed the Node example with other fields; return the lines of the diff."""
    entries = check_entries({name: NEWSITE | fields}, "sites.yml")
    return [str(change) for change in seed(entries, update=update, dry_run=dry_run)]


@pytest.mark.django_db
def test_missing_site_is_created_with_its_key() -> None:
    assert changes() == ["+ newsite", "+ newsite.apiKey: 5…"]
    registry = Registry()
    registry.load()
    site, _ = registry.identify("newsite", "54321")
    assert site is not None
    assert (site.auth_url, site.auth_scheme) == ("http://newsite.com/socketrooms", "Bearer")
    assert site.is_user_room("user_1")
    assert ApiKey.objects.get().label == "sites.yml"
    assert ApiKey.objects.get().is_from_file


@pytest.mark.django_db
def test_second_seeding_changes_nothing() -> None:
    changes()
    assert changes() == changes(update=True) == []
    assert (Site.objects.count(), ApiKey.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_list_of_keys_is_created_whole() -> None:
    changes(apiKey=["one", "two", "one"])
    assert ApiKey.objects.count() == 2


def test_change_of_an_admin_is_reported_and_left_alone(newsite: Site) -> None:
    newsite.auth_scheme = "Token"
    newsite.save()
    assert changes() == [
        "~ newsite.authScheme: 'Token' -> 'Bearer' (left alone; --update applies it)"
    ]
    newsite.refresh_from_db()
    assert newsite.auth_scheme == "Token"


def test_update_overwrites_what_the_file_gives(newsite: Site) -> None:
    assert changes(update=True, authUrl="http://new.com", enabled=False) == [
        "~ newsite.authUrl: 'http://newsite.com/socketrooms' -> 'http://new.com'",
        "~ newsite.enabled: true -> false",
    ]
    newsite.refresh_from_db()
    assert (newsite.auth_url, newsite.is_enabled) == ("http://new.com", False)


def test_update_leaves_fields_alone_that_the_file_does_not_give(newsite: Site) -> None:
    newsite.is_enabled, newsite.prefixed_system_events = False, True
    newsite.save()
    assert changes(update=True) == []
    newsite.refresh_from_db()
    assert (newsite.is_enabled, newsite.prefixed_system_events) == (False, True)


def test_field_left_empty_in_the_file_is_emptied_by_update(newsite: Site) -> None:
    assert changes(update=True, userRoomPrefix=None) == ["~ newsite.userRoomPrefix: 'user_' -> ''"]
    newsite.refresh_from_db()
    assert newsite.user_room_prefix == ""


def test_other_key_of_the_file_is_left_out_without_update(newsite: Site) -> None:
    line = "+ newsite.apiKey: ano…"
    assert changes(apiKey="another key!") == [f"{line} (left alone; --update applies it)"]
    assert changes(apiKey="another key!", update=True) == [line]
    assert newsite.api_keys.usable().count() == 2


def test_revoked_key_comes_back_with_update_only(newsite: Site) -> None:
    newsite.api_keys.get().revoke()
    assert changes() == ["+ newsite.apiKey: 5… (left alone; --update applies it)"]
    assert not newsite.api_keys.usable().exists()
    assert changes(update=True) == ["+ newsite.apiKey: 5…"]
    assert newsite.api_keys.usable().exists()


def test_nothing_is_ever_removed(newsite: Site) -> None:
    assert seed({}, update=True) == []
    changes(update=True, apiKey="another key!")
    assert newsite.api_keys.usable().with_text(KEY).exists()


def test_dry_run_reports_all_and_writes_nothing(newsite: Site) -> None:
    assert changes(name="other", dry_run=True) == ["+ other", "+ other.apiKey: 5…"]
    assert changes(authUrl="http://new.com", update=True, dry_run=True) == [
        "~ newsite.authUrl: 'http://newsite.com/socketrooms' -> 'http://new.com'"
    ]
    newsite.refresh_from_db()
    assert newsite.auth_url == "http://newsite.com/socketrooms"
    assert Site.objects.count() == 1


def test_site_deleted_in_the_admin_comes_back(newsite: Site) -> None:
    newsite.delete()
    assert changes() == ["+ newsite", "+ newsite.apiKey: 5…"]


def test_site_made_by_another_process_meanwhile_is_taken_as_it_is(
    newsite: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes start at once: this one does not see the other's row until it inserts."""
    real_get, calls = type(Site.objects.all()).get, 0

    def get(self: object, *args: object, **kwargs: object) -> Site:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Site.DoesNotExist
        return real_get(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(type(Site.objects.all()), "get", get)
    assert changes() == []
    assert calls == 2
