"""Who may see and do what in the control room."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sites.models import Site
from tests.sioweb_project.control_calls import (
    ACT,
    ARGUMENTS,
    FIGURES,
    LOOK,
    PROGRESS,
    RECEIPT,
    RECENT,
    ROOM,
    SEND,
    act,
    logged,
    send,
)
from tests.sioweb_project.control_fixtures import FakeService, login, make_user

PAGES = ["/admin/control/live/", "/admin/control/inspector/", "/admin/control/sender/"]

ALL = ("view_site", "send_test", "manage_clients", "view_arguments")

Call = Callable[[Client], int]

CALLS: dict[str, tuple[str, Call]] = {
    "look": ("view_site", lambda client: client.get(LOOK).status_code),
    "arguments": ("view_arguments", lambda client: client.get(ARGUMENTS).status_code),
    "act": ("manage_clients", act),
    "send": ("send_test", send),
    "progress": ("send_test", lambda client: client.get(PROGRESS).status_code),
    "recent": ("view_site", lambda client: client.get(RECENT).status_code),
    "receipt": ("view_site", lambda client: client.get(RECEIPT).status_code),
    "figures": ("view_site", lambda client: client.get(FIGURES).status_code),
}
calls = pytest.mark.parametrize(("permission", "call"), CALLS.values(), ids=CALLS)


@pytest.mark.parametrize("page", PAGES)
def test_pages_ask_for_a_login(control: FakeService, page: str) -> None:
    response = Client().get(page)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("page", PAGES)
def test_pages_show_sites_of_ones_own(
    control: FakeService, site: Site, other_site: Site, page: str
) -> None:
    response = login(make_user(*ALL, owns=site)).get(page)
    text = response.content.decode()
    assert response.status_code == 200
    assert "newsite" in text
    assert "othersite" not in text
    assert "All sites" not in text


@pytest.mark.parametrize("page", PAGES)
def test_pages_need_a_permission(control: FakeService, site: Site, page: str) -> None:
    assert login(make_user("view_apikey", owns=site)).get(page).status_code == 403


@calls
def test_nobody_gets_anything(
    control: FakeService, site: Site, permission: str, call: Call
) -> None:
    assert call(Client()) == 403
    assert control.done == []


@calls
def test_who_is_no_staff_gets_nothing(
    control: FakeService, site: Site, admin_user: User, permission: str, call: Call
) -> None:
    admin_user.is_staff = False
    admin_user.save()
    assert call(login(admin_user)) == 403
    assert control.done == []


@calls
def test_an_owner_needs_the_permission(
    control: FakeService, site: Site, permission: str, call: Call
) -> None:
    others = [each for each in ALL if each != permission]
    assert call(login(make_user(*others, owns=site))) == 403
    assert control.done == []
    assert logged() == []


@calls
def test_the_permission_ends_at_the_sites_of_others(
    control: FakeService, site: Site, other_site: Site, permission: str, call: Call
) -> None:
    assert call(login(make_user(*ALL, owns=other_site))) == 403
    assert control.done == []


@calls
def test_an_owner_with_the_permission_may(
    control: FakeService, site: Site, permission: str, call: Call
) -> None:
    assert call(login(make_user(permission, owns=site))) == 200


@pytest.mark.parametrize("call", [act, send])
def test_a_change_needs_the_token_of_its_page(
    control: FakeService, site: Site, admin_user: User, call: Call
) -> None:
    assert call(login(admin_user, checks_csrf=True)) == 403
    assert control.done == []


@pytest.mark.parametrize("path", [f"{ACT}?{ROOM}&action=clear", SEND])
def test_nothing_is_changed_by_a_link(
    control: FakeService, site: Site, admin_user: User, path: str
) -> None:
    assert login(admin_user).get(path).status_code == 405
    assert control.done == []


def test_the_figures_of_all_sites_are_for_those_who_see_all(
    control: FakeService, site: Site, admin_user: User
) -> None:
    path = "/admin/control/live/figures"
    assert login(make_user(*ALL, owns=site)).get(path).status_code == 403
    assert login(make_user("view_site", "all_sites", name="operator")).get(path).status_code == 200
    assert control.done == [("watch", "")]
