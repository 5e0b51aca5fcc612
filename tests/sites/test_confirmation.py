"""The pages that ask before clients or senders are hit."""

import re
from collections.abc import Collection
from html import unescape

import pytest
from django.test import Client

from sites import status
from sites.models import Site
from sites.status import SiteStatus
from tests.sites.admin_pages import (
    SITE_ADD,
    SITES,
    get,
    opens,
    post,
    site_form,
    site_page,
    with_permissions,
)
from tests.sites.conftest import KEY

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sites.urls")]
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


def hidden_fields(page: str) -> dict[str, str]:
    """What the button of the page posts."""
    [form] = re.findall(r'<form method="post" id="confirm">(.*?)</form>', page, re.S)
    return {name: unescape(value) for name, value in HIDDEN.findall(form)}


def disabling(site: Site) -> dict[str, str]:
    form = site_form(name=site.name) | {"_continue": "1"}
    del form["is_enabled"]
    return form


def test_disabling_asks_first_and_then_does_it(admin_client: Client, newsite: Site) -> None:
    page = post(admin_client, site_page(newsite), disabling(newsite))
    assert "disconnected, and do not come back" in page
    assert opens("newsite", KEY)
    after = post(admin_client, site_page(newsite), hidden_fields(page))
    assert "was changed successfully" in after
    assert not opens("newsite", KEY)


def test_the_number_of_clients_is_told(
    admin_client: Client, newsite: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def provide(names: Collection[str]) -> dict[str, SiteStatus]:
        return {name: SiteStatus(clients=412) for name in names}

    monkeypatch.setattr(status, "_provider", provide)
    page = post(admin_client, site_page(newsite), disabling(newsite))
    assert "412 clients will be disconnected" in page
    assert "412 clients" in get(admin_client, f"{SITES}{newsite.pk}/delete/")


def test_what_was_confirmed_is_asked_again_when_it_means_more_by_now(
    admin_client: Client, newsite: Site
) -> None:
    form = site_form(name="newsite", user_room_prefix="u_")
    answer = hidden_fields(post(admin_client, site_page(newsite), form))
    Site.objects.update(prefixed_system_events=True)  # the form would undo this
    page = post(admin_client, site_page(newsite), answer)
    assert "Clients have to listen to &quot;batch&quot;" in page
    newsite.refresh_from_db()
    assert newsite.user_room_prefix == "user_"


def test_a_harmless_change_is_not_asked_about(admin_client: Client, newsite: Site) -> None:
    post(admin_client, site_page(newsite), site_form(name="newsite", auth_scheme="Token"))
    newsite.refresh_from_db()
    assert newsite.auth_scheme == "Token"


def test_a_wrong_form_comes_back_with_its_errors(admin_client: Client, newsite: Site) -> None:
    page = post(admin_client, site_page(newsite), site_form(name="a,b"))
    assert "A name becomes a Socket.IO namespace" in page
    assert 'id="confirm"' not in page


def test_names_are_escaped(admin_client: Client, newsite: Site) -> None:
    page = post(admin_client, site_page(newsite), site_form(name="<b>shop</b>"))
    assert "<b>shop" not in page
    assert hidden_fields(page)["name"] == "<b>shop</b>"


def test_deleting_says_what_happens(admin_client: Client, newsite: Site) -> None:
    page = get(admin_client, f"{SITES}{newsite.pk}/delete/")
    assert "If you delete newsite" in page
    assert "1 API key will be deleted" in page


def test_deleting_several_says_what_happens_to_each(admin_client: Client, newsite: Site) -> None:
    other = Site.objects.create(name="other", auth_url="http://other.com")
    chosen = {"action": "delete_selected", "_selected_action": [newsite.pk, other.pk]}
    page = post(admin_client, SITES, chosen)
    assert "If you delete newsite" in page
    assert "If you delete other" in page
    assert Site.objects.count() == 2
    post(admin_client, SITES, chosen | {"post": "yes"})
    assert not Site.objects.exists()


def test_who_may_not_change_a_site_is_not_asked_but_refused(client: Client, newsite: Site) -> None:
    staff = with_permissions(client, "view_site", "all_sites")
    assert staff.post(site_page(newsite), disabling(newsite)).status_code == 403
    assert staff.get(f"{SITES}{newsite.pk}/delete/").status_code == 403


def test_the_name_of_a_former_site_is_given_after_confirming(
    admin_client: Client, newsite: Site
) -> None:
    newsite.delete()
    page = post(admin_client, SITE_ADD, site_form(name="newsite"))
    assert "a former site &quot;newsite&quot;" in page
    assert not Site.objects.exists()
    assert "was added" in post(admin_client, SITE_ADD, hidden_fields(page))
    assert Site.objects.get().name == "newsite"


def test_renaming_gives_the_name_of_a_former_site_after_confirming(
    admin_client: Client, newsite: Site
) -> None:
    Site.objects.create(name="shop", auth_url="http://shop.com").delete()
    page = post(admin_client, site_page(newsite), site_form(name="shop"))
    assert "a former site &quot;shop&quot;" in page
    post(admin_client, site_page(newsite), hidden_fields(page))
    assert Site.objects.get().name == "shop"


def test_a_name_that_was_given_up_by_renaming_is_a_former_one(
    admin_client: Client, newsite: Site
) -> None:
    page = post(admin_client, site_page(newsite), site_form(name="shop"))
    post(admin_client, site_page(newsite), hidden_fields(page))
    assert "a former site &quot;newsite&quot;" in post(
        admin_client, SITE_ADD, site_form(name="newsite")
    )


def test_who_does_not_see_all_sites_gets_no_former_name(client: Client, newsite: Site) -> None:
    newsite.delete()
    staff = with_permissions(client, "view_site", "add_site")
    for confirmed in ({}, {"_confirmed": "taken over"}):
        page = post(staff, SITE_ADD, site_form(name="newsite") | confirmed)
        assert "messages for its users may still wait" in page
    assert not Site.objects.exists()
    assert "was added" in post(staff, SITE_ADD, site_form(name="newsite2"))


def test_a_former_name_that_a_site_has_again_is_told_as_taken_and_no_more(
    client: Client, newsite: Site
) -> None:
    newsite.delete()
    Site.objects.create(name="newsite", auth_url="http://shop.com")
    staff = with_permissions(client, "view_site", "add_site")
    page = post(staff, SITE_ADD, site_form(name="newsite"))
    assert "Site with this Name already exists." in page
    assert "messages for its users may still wait" not in page
