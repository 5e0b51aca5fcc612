"""The admin, as a browser uses it: sites, keys shown once, revocation, permissions."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import serializers
from django.test import Client
from django.urls import reverse

from sites.models import ApiKey, Site
from sites.registry import Registry
from tests.sites.conftest import KEY

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sites.urls")]
SITES, SITE_ADD = "/admin/sites/site/", "/admin/sites/site/add/"
KEYS, KEY_ADD = "/admin/sites/apikey/", "/admin/sites/apikey/add/"


def site_page(site: Site) -> str:
    return reverse("admin:sites_site_change", args=[site.pk])


def key_page(key: ApiKey) -> str:
    return reverse("admin:sites_apikey_change", args=[key.pk])


def site_form(**fields: str) -> dict[str, str]:
    """What the browser posts from the page of a site; a blank box is a field left out."""
    return {
        "name": "shop",
        "auth_url": "http://shop.com/rooms",
        "auth_scheme": "Bearer",
        "user_room_prefix": "user_",
        "is_enabled": "on",
        "update_user_url": "",
        "public_channel": "",
        "api_keys-TOTAL_FORMS": "0",
        "api_keys-INITIAL_FORMS": "0",
    } | fields


def get(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def post(client: Client, path: str, data: dict[str, Any]) -> str:
    """Post and follow to the next page; return its text."""
    response = client.post(path, data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def shown_key(page: str) -> str:
    [key] = re.findall(r"<code[^>]*>([\w-]{43})</code>", page)
    return str(key)


def opens(site_name: str, key: str) -> bool:
    registry = Registry()
    registry.load()
    return registry.authenticate(site_name, key) is not None


def assert_shown_nowhere(client: Client, key: str) -> None:
    row = ApiKey.objects.with_text(key).get()
    pages = (SITES, site_page(row.site), KEYS, key_page(row), "/admin/")
    history = f"{KEYS}{row.pk}/history/", f"{SITES}{row.site.pk}/history/"
    for path in (*pages, *history):
        text = get(client, path)
        assert key not in text
        assert row.digest not in text
    assert key not in serializers.serialize("json", LogEntry.objects.all())


def with_permissions(client: Client, *names: str) -> Client:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


def test_list_shows_address_state_and_number_of_keys(admin_client: Client, newsite: Site) -> None:
    ApiKey.objects.make(newsite)[0].revoke()
    ApiKey.objects.make(newsite)
    page = get(admin_client, SITES)
    assert "http://newsite.com/socketrooms" in page
    assert '<td class="field-key_count">2</td>' in page


def test_list_is_searched_and_filtered(admin_client: Client, newsite: Site) -> None:
    assert ">newsite<" in get(admin_client, f"{SITES}?q=NEWS")
    assert ">newsite<" not in get(admin_client, f"{SITES}?q=shop")
    assert ">newsite<" not in get(admin_client, f"{SITES}?is_enabled__exact=0")


def test_new_site_comes_with_a_first_key_shown_once(admin_client: Client) -> None:
    key = shown_key(post(admin_client, SITE_ADD, site_form()))
    assert opens("shop", key)
    assert ApiKey.objects.get().label == "first key"
    assert_shown_nowhere(admin_client, key)


def test_wrong_fields_are_refused_beside_the_field(admin_client: Client) -> None:
    page = post(
        admin_client, SITE_ADD, site_form(name="a,b", auth_url="ftp://a", auth_scheme="a b")
    )
    assert page.count('class="errorlist"') == 3
    assert not Site.objects.exists()


@pytest.mark.parametrize("url", ["http://localhost:3000/x", "http://web:3000", "http://127.0.0.1"])
def test_local_addresses_are_accepted(admin_client: Client, url: str) -> None:
    post(admin_client, SITE_ADD, site_form(auth_url=url))
    assert Site.objects.get().auth_url == url


def test_button_on_a_site_saves_it_and_shows_another_key_once(
    admin_client: Client, newsite: Site
) -> None:
    form = site_form(name="newsite", auth_scheme="Token", _add_key="Save and add an API key")
    assert 'name="_add_key"' in get(admin_client, site_page(newsite))
    key = shown_key(post(admin_client, site_page(newsite), form))
    newsite.refresh_from_db()
    assert newsite.auth_scheme == "Token"
    assert opens("newsite", key)
    assert opens("newsite", KEY)
    assert_shown_nowhere(admin_client, key)


def test_saving_a_site_makes_no_key(admin_client: Client, newsite: Site) -> None:
    post(admin_client, site_page(newsite), site_form(name="newsite"))
    assert newsite.api_keys.count() == 1


def test_page_of_a_site_lists_its_keys_without_text(admin_client: Client, newsite: Site) -> None:
    page = get(admin_client, site_page(newsite))
    assert "backend" in page
    assert KEY not in page
    assert newsite.api_keys.get().digest not in page
    assert key_page(newsite.api_keys.get()) in page


def test_renaming_is_explained_on_the_page(admin_client: Client, newsite: Site) -> None:
    assert "Renaming or deleting a site disconnects" in get(admin_client, site_page(newsite))


def test_disabling_a_site_closes_it(admin_client: Client, newsite: Site) -> None:
    form = site_form(name="newsite")
    del form["is_enabled"]
    post(admin_client, site_page(newsite), form)
    assert not opens("newsite", KEY)


def test_deleting_a_site_takes_its_keys_along(admin_client: Client, newsite: Site) -> None:
    post(admin_client, f"{SITES}{newsite.pk}/delete/", {"post": "yes"})
    assert (Site.objects.count(), ApiKey.objects.count()) == (0, 0)


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


def test_button_on_a_key_revokes_it(admin_client: Client, newsite: Site) -> None:
    row = newsite.api_keys.get()
    assert 'name="_revoke"' in get(admin_client, key_page(row))
    page = post(admin_client, key_page(row), {"label": "backend", "_revoke": "Revoke this key"})
    assert "is revoked" in page
    assert 'name="_revoke"' not in page
    assert not opens("newsite", KEY)
    assert LogEntry.objects.filter(change_message="Revoked.").count() == 1


def test_action_revokes_the_chosen_keys(admin_client: Client, newsite: Site) -> None:
    row, key = ApiKey.objects.make(newsite)
    post(admin_client, KEYS, {"action": "revoke", "_selected_action": [row.pk]})
    assert not opens("newsite", key)
    assert opens("newsite", KEY)


def test_key_can_be_deleted(admin_client: Client, newsite: Site) -> None:
    row = newsite.api_keys.get()
    post(admin_client, f"{KEYS}{row.pk}/delete/", {"post": "yes"})
    assert not opens("newsite", KEY)


def test_site_name_is_escaped_in_the_message(admin_client: Client) -> None:
    page = post(admin_client, SITE_ADD, site_form(name="<b>shop</b>"))
    assert "<b>shop" not in page
    assert shown_key(page)


def test_who_may_not_add_keys_gets_no_button_and_no_key(client: Client, newsite: Site) -> None:
    staff = with_permissions(client, "view_site", "change_site")
    assert 'name="_add_key"' not in get(staff, site_page(newsite))
    post(staff, site_page(newsite), site_form(name="newsite", _add_key="x"))
    assert newsite.api_keys.count() == 1


def test_who_may_only_look_changes_nothing(client: Client, newsite: Site) -> None:
    staff = with_permissions(client, "view_site", "view_apikey", "add_apikey")
    row = newsite.api_keys.get()
    assert 'name="_add_key"' not in get(staff, site_page(newsite))
    assert 'name="_revoke"' not in get(staff, key_page(row))
    for path, button in ((site_page(newsite), "_add_key"), (key_page(row), "_revoke")):
        assert staff.post(path, site_form() | {button: "x"}).status_code == 403
    staff.post(KEYS, {"action": "revoke", "_selected_action": [row.pk]})
    assert opens("newsite", KEY)
    assert newsite.api_keys.count() == 1


def test_strangers_are_sent_to_the_login(client: Client, newsite: Site) -> None:
    assert client.get(SITES).status_code == 302
    assert client.post(SITE_ADD, site_form()).status_code == 302
    assert Site.objects.count() == 1
