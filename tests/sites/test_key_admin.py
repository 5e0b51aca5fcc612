"""The admin's pages of API keys: shown once, labelled, ended, listed."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from sites.models import ApiKey, Site
from tests.sites.admin_pages import (
    KEY_ADD,
    KEYS,
    assert_shown_nowhere,
    cell,
    get,
    key_page,
    opens,
    post,
    revoke_page,
    rotate_page,
    shown_key,
    with_permissions,
)
from tests.sites.conftest import KEY

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sites.urls")]


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
