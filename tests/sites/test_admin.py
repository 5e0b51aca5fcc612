"""The admin's pages of sites, as a browser uses them."""

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from sites import status
from sites.models import ApiKey, Site
from sites.status import SiteStatus
from tests.sites.admin_pages import (
    KEY_ADD,
    SITE_ADD,
    SITES,
    assert_shown_nowhere,
    cell,
    get,
    key_page,
    opens,
    post,
    shown_key,
    site_form,
    site_page,
)
from tests.sites.conftest import KEY

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sites.urls")]


def test_list_counts_the_keys_in_use(admin_client: Client, newsite: Site) -> None:
    ApiKey.objects.make(newsite)[0].revoke()
    ApiKey.objects.make(newsite)
    page = get(admin_client, SITES)
    assert cell(page, "key_count") == "2"


def test_list_is_searched_and_filtered(admin_client: Client, newsite: Site) -> None:
    assert ">newsite<" in get(admin_client, f"{SITES}?q=NEWS")
    assert ">newsite<" not in get(admin_client, f"{SITES}?q=shop")
    assert ">newsite<" not in get(admin_client, f"{SITES}?is_enabled__exact=0")


def test_new_site_comes_with_a_first_key_shown_once(admin_client: Client) -> None:
    key = shown_key(post(admin_client, SITE_ADD, site_form()))
    assert opens("shop", key)
    assert ApiKey.objects.get().label == "first key"
    assert_shown_nowhere(admin_client, key)


def test_form_of_a_new_site_offers_a_prefix_and_shows_nothing_empty(admin_client: Client) -> None:
    page = get(admin_client, SITE_ADD)
    assert re.search(r'name="user_room_prefix" value="user_"', page)
    assert "Created" not in page
    assert "Last used" not in page


def test_a_new_site_may_have_no_prefix(admin_client: Client) -> None:
    post(admin_client, SITE_ADD, site_form(user_room_prefix=""))
    assert Site.objects.get().user_room_prefix == ""


def test_wrong_fields_are_refused_beside_the_field(admin_client: Client) -> None:
    page = post(
        admin_client, SITE_ADD, site_form(name="a,b", auth_url="ftp://a", auth_scheme="a b")
    )
    assert page.count('class="errorlist') == 3
    assert not Site.objects.exists()


@pytest.mark.parametrize("url", ["http://localhost:3000/x", "http://web:3000", "http://127.0.0.1"])
def test_local_addresses_are_accepted(admin_client: Client, url: str) -> None:
    post(admin_client, SITE_ADD, site_form(auth_url=url))
    assert Site.objects.get().auth_url == url


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


def test_page_of_a_site_leads_to_its_live_view_and_test_sender(
    admin_client: Client, newsite: Site
) -> None:
    page = get(admin_client, site_page(newsite))
    assert 'href="/admin/control/live/?site=newsite"' in page
    assert 'href="/admin/control/sender/?site=newsite"' in page


def test_deleting_a_site_takes_its_keys_along(admin_client: Client, newsite: Site) -> None:
    post(admin_client, f"{SITES}{newsite.pk}/delete/", {"post": "yes"})
    assert (Site.objects.count(), ApiKey.objects.count()) == (0, 0)


def test_site_name_is_escaped_in_the_message(admin_client: Client) -> None:
    page = post(admin_client, SITE_ADD, site_form(name="<b>shop</b>"))
    assert "<b>shop" not in page
    assert shown_key(page)


def test_list_shows_how_each_site_is_doing(
    admin_client: Client, newsite: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def provide(names: Collection[str]) -> dict[str, SiteStatus]:
        asked.append(list(names))
        failed = timezone.now() - timedelta(minutes=3)
        return {"newsite": SiteStatus(1234, 5, 0, "The site answered 500", failed)}

    Site.objects.create(name="other", auth_url="http://other.com")
    monkeypatch.setattr(status, "_provider", provide)
    page = get(admin_client, SITES)
    assert asked == [["newsite", "other"]]
    assert [cell(page, name) for name in ("clients", "messages_per_minute", "waiting")] == [
        "1,234",
        "5",
        "0",
    ]
    assert cell(page, "auth_failure") == "3\N{NO-BREAK SPACE}minutes ago: The site answered 500"


def test_list_shows_a_dash_for_what_is_not_known(
    admin_client: Client, newsite: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_provider", status.know_nothing)
    page = get(admin_client, SITES)
    for name in ("clients", "messages_per_minute", "waiting", "auth_failure"):
        assert cell(page, name) == status.NOTHING


@pytest.mark.parametrize("field", ["auth_url", "update_user_url"])
def test_site_of_a_denied_address_is_not_saved(
    admin_client: Client, settings: Settings, field: str
) -> None:
    settings.CONFIG = replace(settings.CONFIG, auth_url_deny=("private",))
    for url in ("http://localhost/rooms", "http://169.254.169.254/"):
        page = post(admin_client, SITE_ADD, site_form(auth_url="http://8.8.8.8") | {field: url})
        assert "network that the service may not call" in page
    assert not Site.objects.exists()


def test_page_of_a_site_leads_to_a_new_key(admin_client: Client, newsite: Site) -> None:
    assert f"{KEY_ADD}?site={newsite.pk}" in get(admin_client, site_page(newsite))


def test_list_takes_as_many_queries_for_many_sites(
    admin_client: Client, newsite: Site, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        ApiKey.objects.make(Site.objects.create(name=f"site{number}", auth_url="http://a.com"))
    with django_assert_max_num_queries(8):
        get(admin_client, SITES)


def test_limits_and_origins_are_edited(admin_client: Client, newsite: Site) -> None:
    page = get(admin_client, site_page(newsite))
    assert "Pages that may connect" in page
    form = site_form(name="newsite", allowed_origins="https://a.com\r\nhttps://*.b.com")
    post(admin_client, site_page(newsite), form | {"sends_per_second": "50"})
    newsite.refresh_from_db()
    assert newsite.allowed_origins.split() == ["https://a.com", "https://*.b.com"]
    assert (newsite.sends_per_second, newsite.connections_per_site) == (50, None)


def test_what_is_no_origin_is_refused(admin_client: Client, newsite: Site) -> None:
    form = site_form(name="newsite", allowed_origins="https://a.com/page")
    assert "Origins such as" in post(admin_client, site_page(newsite), form)
