"""The admin's pages that rotate and revoke API keys, and who may."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from sites.models import ApiKey, Site
from tests.sites.admin_pages import (
    KEY_ADD,
    KEYS,
    SITES,
    assert_shown_nowhere,
    get,
    key_page,
    opens,
    post,
    revoke_page,
    rotate_page,
    shown_key,
    site_page,
    with_permissions,
)
from tests.sites.conftest import KEY

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sites.urls")]
PERMISSIONS = "view_site", "view_apikey", "add_apikey", "change_apikey"


def test_action_revokes_the_chosen_keys(admin_client: Client, newsite: Site) -> None:
    row, key = ApiKey.objects.make(newsite)
    post(admin_client, KEYS, {"action": "revoke", "_selected_action": [row.pk]})
    assert not opens("newsite", key)
    assert opens("newsite", KEY)


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
