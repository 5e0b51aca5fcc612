"""The admin's pages of API keys: shown once, labelled, ended, rotated, revoked."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from sites.models import ApiKey, Site
from tests.sites.admin_pages import (
    KEY_ADD,
    KEYS,
    SITES,
    assert_shown_nowhere,
    cell,
    get,
    key_page,
    opens,
    post,
    shown_key,
    site_page,
    with_permissions,
)
from tests.sites.conftest import KEY

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sites.urls")]
PERMISSIONS = "view_site", "view_apikey", "add_apikey", "change_apikey"


def rotate_page(row: ApiKey) -> str:
    return f"{KEYS}{row.pk}/rotate/"


def revoke_page(row: ApiKey) -> str:
    return f"{KEYS}{row.pk}/revoke/"


def test_key_added_on_its_own_page_is_shown_once(admin_client: Client, newsite: Site) -> None:
    assert "digest" not in get(admin_client, KEY_ADD)
    key = shown_key(post(admin_client, KEY_ADD, {"site": newsite.pk, "label": "shop"}))
    assert opens("newsite", key)
    assert ApiKey.objects.with_text(key).get().label == "shop"
    assert_shown_nowhere(admin_client, key)


def test_list_of_keys_is_searched_and_filtered(admin_client: Client, newsite: Site) -> None:
    page = get(admin_client, f"{KEYS}?q=newsite&revoked_at__isempty=1")
    assert "backend" in page
    assert KEY not in page
    assert "backend" not in get(admin_client, f"{KEYS}?revoked_at__isempty=0")


def test_label_is_all_that_can_be_edited_of_a_key(admin_client: Client, newsite: Site) -> None:
    other = Site.objects.create(name="other", auth_url="http://other.com")
    before = newsite.api_keys.get()
    data = {"site": other.pk, "label": "renamed", "digest": "0" * 64, "first_characters": "x"}
    post(admin_client, key_page(before), data)
    after = newsite.api_keys.get()
    assert after.label == "renamed"
    assert (after.site, after.digest, after.first_characters) == (newsite, before.digest, "5")


def test_action_revokes_the_chosen_keys(admin_client: Client, newsite: Site) -> None:
    row, key = ApiKey.objects.make(newsite)
    post(admin_client, KEYS, {"action": "revoke", "_selected_action": [row.pk]})
    assert not opens("newsite", key)
    assert opens("newsite", KEY)


def test_key_can_be_deleted(admin_client: Client, newsite: Site) -> None:
    row = newsite.api_keys.get()
    post(admin_client, f"{KEYS}{row.pk}/delete/", {"post": "yes"})
    assert not opens("newsite", KEY)


def test_key_page_may_not_be_kept_by_the_browser(admin_client: Client, newsite: Site) -> None:
    response = admin_client.post(KEY_ADD, {"site": newsite.pk}, follow=True)
    assert "no-store" in response["Cache-Control"]


def test_a_reload_makes_no_key_and_shows_none(admin_client: Client, newsite: Site) -> None:
    response = admin_client.post(KEY_ADD, {"site": newsite.pk})
    path, cookie = response["Location"], response.cookies["new_key"].value
    assert (response.status_code, path.endswith("/made/")) == (302, True)
    key = shown_key(get(admin_client, path))
    assert newsite.api_keys.count() == 2
    admin_client.cookies["new_key"] = cookie  # of somebody who has kept it
    page = admin_client.get(path, follow=True).content.decode()
    assert "A key is shown once" in page
    assert key not in page
    assert newsite.api_keys.count() == 2


def test_a_key_on_its_way_to_its_page_can_be_read_nowhere(
    admin_client: Client, newsite: Site
) -> None:
    response = admin_client.post(KEY_ADD, {"site": newsite.pk})
    cookie = response.cookies["new_key"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["max-age"]) == (
        True,
        "Strict",
        response["Location"],
        60,
    )
    sessions = str([each.get_decoded() for each in Session.objects.all()])
    key = shown_key(get(admin_client, response["Location"]))
    assert key not in cookie.value
    assert key not in sessions


def test_a_key_is_shown_to_nobody_else(admin_client: Client, client: Client, newsite: Site) -> None:
    response = admin_client.post(KEY_ADD, {"site": newsite.pk})
    staff = with_permissions(client, "view_site", "view_apikey", "all_sites")
    staff.cookies["new_key"] = response.cookies["new_key"].value
    assert "A key is shown once" in staff.get(response["Location"], follow=True).content.decode()
    assert shown_key(get(admin_client, response["Location"]))


def test_a_key_of_a_foreign_site_has_no_page(client: Client, newsite: Site) -> None:
    staff = with_permissions(client, "view_site", "view_apikey")
    assert staff.get(f"{KEYS}{newsite.api_keys.get().pk}/made/").status_code == 404


def test_key_ends_when_the_form_says(admin_client: Client, newsite: Site) -> None:
    data = {"site": newsite.pk, "expires_at_0": "2999-12-31", "expires_at_1": "12:00:00"}
    key = shown_key(post(admin_client, KEY_ADD, data))
    row = ApiKey.objects.with_text(key).get()
    assert row.expires_at is not None
    assert row.expires_at.year == 2999


def test_key_cannot_end_in_the_past(admin_client: Client, newsite: Site) -> None:
    data = {"site": newsite.pk, "expires_at_0": "2001-01-01", "expires_at_1": "12:00:00"}
    assert "This is in the past" in post(admin_client, KEY_ADD, data)
    assert newsite.api_keys.count() == 1


def test_label_of_an_expired_key_can_still_be_edited(admin_client: Client, newsite: Site) -> None:
    row = newsite.api_keys.get()
    row.end(timezone.now().replace(microsecond=0))
    assert row.expires_at is not None
    data = {
        "label": "renamed",
        "expires_at_0": f"{row.expires_at:%Y-%m-%d}",
        "expires_at_1": f"{row.expires_at:%H:%M:%S}",
    }
    post(admin_client, key_page(row), data)
    row.refresh_from_db()
    assert (row.label, row.is_usable) == ("renamed", False)


def test_list_tells_state_origin_and_uses(admin_client: Client, newsite: Site) -> None:
    assert cell(get(admin_client, KEYS), "used") == "never"
    newsite.api_keys.update(is_from_file=True, use_count=1234)
    page = get(admin_client, KEYS)
    shown = [cell(page, name) for name in ("state", "origin", "used")]
    assert shown == ["in use", "sites.yml", "1,234 times"]
    newsite.api_keys.get().end(timezone.now())
    assert cell(get(admin_client, KEYS), "state") == "expired"
    newsite.api_keys.get().revoke()
    assert cell(get(admin_client, KEYS), "state") == "revoked"


def test_page_of_a_key_from_the_file_says_so(admin_client: Client, newsite: Site) -> None:
    row = newsite.api_keys.get()
    assert "came from sites.yml" not in get(admin_client, key_page(row))
    newsite.api_keys.update(is_from_file=True)
    for path in (key_page(row), rotate_page(row), revoke_page(row)):
        assert "came from sites.yml" in get(admin_client, path)


def test_revoking_asks_first_and_then_refuses_the_key(admin_client: Client, newsite: Site) -> None:
    row = newsite.api_keys.get()
    assert revoke_page(row) in get(admin_client, key_page(row))
    assert "It is the last key" in get(admin_client, revoke_page(row))
    assert opens("newsite", KEY)
    page = post(admin_client, revoke_page(row), {})
    assert "is revoked" in page
    assert revoke_page(row) not in page
    assert not opens("newsite", KEY)
    assert LogEntry.objects.get().change_message == "Revoked."
    assert LogEntry.objects.get().user.username == "admin"


def test_revoking_counts_the_keys_that_are_left(admin_client: Client, newsite: Site) -> None:
    ApiKey.objects.make(newsite)
    ApiKey.objects.make(newsite)[0].end(timezone.now())
    page = get(admin_client, revoke_page(newsite.api_keys.with_text(KEY).get()))
    assert "1 other key of this site" in page


def test_rotating_shows_a_new_key_and_both_work_for_a_day(
    admin_client: Client, newsite: Site
) -> None:
    row = newsite.api_keys.get()
    assert rotate_page(row) in get(admin_client, key_page(row))
    assert "How long the old key goes on" in get(admin_client, rotate_page(row))
    page = post(admin_client, rotate_page(row), {"overlap": "86400"})
    key = shown_key(page)
    assert "The old key, 5" in page
    assert opens("newsite", key)
    assert opens("newsite", KEY)
    row.refresh_from_db()
    assert row.expires_at is not None
    assert timedelta(hours=23) < row.expires_at - timezone.now() <= timedelta(days=1)
    assert_shown_nowhere(admin_client, key)


def test_rotating_without_overlap_refuses_the_old_key(admin_client: Client, newsite: Site) -> None:
    key = shown_key(post(admin_client, rotate_page(newsite.api_keys.get()), {"overlap": "0"}))
    assert opens("newsite", key)
    assert not opens("newsite", KEY)


def test_an_overlap_that_is_not_offered_changes_nothing(
    admin_client: Client, newsite: Site
) -> None:
    page = post(admin_client, rotate_page(newsite.api_keys.get()), {"overlap": "-1"})
    assert "not one of the available choices" in page
    assert newsite.api_keys.count() == 1


def test_a_key_that_no_longer_works_is_not_rotated(admin_client: Client, newsite: Site) -> None:
    row = newsite.api_keys.get()
    row.revoke()
    assert "no longer works" in post(admin_client, rotate_page(row), {"overlap": "0"})
    assert newsite.api_keys.count() == 1


def test_every_step_is_in_the_log_with_who_did_it(admin_client: Client, newsite: Site) -> None:
    row = newsite.api_keys.get()
    post(admin_client, rotate_page(row), {"overlap": "3600"})
    entries = LogEntry.objects.order_by("pk").select_related("user")
    assert [entry.user.username for entry in entries] == ["admin", "admin"]
    assert entries[0].change_message.startswith("Rotated: ends ")
    assert entries[1].change_message == "Added as the successor of 5… backend."


def test_owner_manages_the_keys_of_the_own_site_only(client: Client, newsite: Site) -> None:
    other = Site.objects.create(name="other", auth_url="http://other.com")
    foreign, own = ApiKey.objects.make(other, "foreign")[0], newsite.api_keys.get()
    staff = with_permissions(client, *PERMISSIONS)
    newsite.owners.add(User.objects.get(username="staff"))
    assert "foreign" not in get(staff, KEYS)
    for path in (rotate_page(foreign), revoke_page(foreign)):
        assert staff.post(path, {"overlap": "0"}).status_code == 404
    assert ">other<" not in get(staff, KEY_ADD)
    staff.post(KEY_ADD, {"site": other.pk})
    assert list(other.api_keys.usable()) == [foreign]
    post(staff, revoke_page(own), {})
    assert not opens("newsite", KEY)


def test_who_may_only_look_changes_no_key(client: Client, newsite: Site) -> None:
    staff = with_permissions(client, "view_site", "view_apikey", "all_sites")
    row = newsite.api_keys.get()
    page = get(staff, key_page(row))
    assert revoke_page(row) not in page
    assert rotate_page(row) not in page
    for path in (revoke_page(row), rotate_page(row), key_page(row)):
        assert staff.post(path, {"overlap": "0"}).status_code == 403
    staff.post(KEYS, {"action": "revoke", "_selected_action": [row.pk]})
    assert opens("newsite", KEY)
    assert SITES in get(staff, site_page(newsite))


def test_who_may_not_add_keys_cannot_rotate(client: Client, newsite: Site) -> None:
    staff = with_permissions(client, "view_apikey", "change_apikey", "all_sites")
    row = newsite.api_keys.get()
    assert rotate_page(row) not in get(staff, key_page(row))
    assert staff.post(rotate_page(row), {"overlap": "0"}).status_code == 403
    assert opens("newsite", KEY)
