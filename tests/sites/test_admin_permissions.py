"""The admin's pages of sites for owners, for those who may only look, and for strangers."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sites.models import Site
from tests.sites.admin_pages import (
    KEY_ADD,
    SITE_ADD,
    SITES,
    get,
    post,
    site_form,
    site_page,
    with_permissions,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sites.urls")]


def test_page_of_a_site_links_no_test_sender_without_permission(
    client: Client, newsite: Site
) -> None:
    page = get(with_permissions(client, "view_site", "all_sites"), site_page(newsite))
    assert 'href="/admin/control/live/?site=newsite"' in page
    assert "?site=newsite" not in page.replace("/admin/control/live/?site=newsite", "")


def test_strangers_are_sent_to_the_login(client: Client, newsite: Site) -> None:
    assert client.get(SITES).status_code == 302
    assert client.post(SITE_ADD, site_form()).status_code == 302
    assert Site.objects.count() == 1


def test_who_may_not_add_keys_gets_no_way_there(client: Client, newsite: Site) -> None:
    staff = with_permissions(client, "view_site", "change_site", "all_sites")
    assert KEY_ADD not in get(staff, site_page(newsite))
    assert staff.get(KEY_ADD).status_code == 403


def test_who_may_only_look_changes_nothing(client: Client, newsite: Site) -> None:
    staff = with_permissions(client, "view_site", "all_sites")
    get(staff, site_page(newsite))
    assert staff.post(site_page(newsite), site_form()).status_code == 403
    newsite.refresh_from_db()
    assert newsite.name == "newsite"


def test_owner_sees_and_changes_the_own_site_only(client: Client, newsite: Site) -> None:
    other = Site.objects.create(name="other", auth_url="http://other.com")
    staff = with_permissions(client, "view_site", "change_site")
    newsite.owners.add(User.objects.get(username="staff"))
    page = get(staff, SITES)
    assert ">newsite<" in page
    assert ">other<" not in page
    post(staff, site_page(newsite), site_form(name="newsite", auth_scheme="Token"))
    newsite.refresh_from_db()
    assert newsite.auth_scheme == "Token"
    post(staff, site_page(other), site_form(name="mine"))
    assert Site.objects.filter(name="other").exists()


def test_owner_cannot_rename_the_site_nor_lift_its_limits(client: Client, newsite: Site) -> None:
    """Under the name of another, of before, its messages may wait."""
    newsite.queue_bytes = 1000
    newsite.save()
    staff = with_permissions(client, "view_site", "change_site", "add_site")
    newsite.owners.add(User.objects.get(username="staff"))
    limits = {"queue_bytes": "2000000000", "sends_per_second": "0", "connections_per_site": "0"}
    post(staff, site_page(newsite), site_form(name="former", allowed_origins="*") | limits)
    newsite.refresh_from_db()
    assert (newsite.name, newsite.queue_bytes, newsite.sends_per_second) == ("newsite", 1000, None)
    assert newsite.allowed_origins == "*"
    staff.post(SITE_ADD, site_form(name="second") | limits)
    assert Site.objects.get(name="second").queue_bytes is None


def test_owner_cannot_make_somebody_else_an_owner(client: Client, newsite: Site) -> None:
    staff = with_permissions(client, "view_site", "change_site")
    owner, stranger = User.objects.get(username="staff"), User.objects.create_user("stranger")
    newsite.owners.add(owner)
    form = site_form(name="newsite") | {"owners": str(stranger.pk)}
    post(staff, site_page(newsite), form)
    assert list(newsite.owners.all()) == [owner]


def test_who_makes_a_site_and_sees_only_own_ones_owns_it(client: Client) -> None:
    staff = with_permissions(client, "view_site", "add_site")
    post(staff, SITE_ADD, site_form())
    assert Site.objects.get().owners.get().username == "staff"
