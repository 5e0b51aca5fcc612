"""The admin's first page: one's own sites, how they are doing, and what to do next."""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from sioweb_project.control import start_page
from sites import status
from sites.models import Site
from sites.status import SiteStatus
from tests.sioweb_project.control_fixtures import login, make_user

FIRST = "Add your first site"
STEPS = "From a new site to its first message"
IS_OPEN = '<details class="control-help" open>'


@pytest.fixture(autouse=True)
def numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something is known of each site: its clients, as many as its name has letters."""

    def provide(names: Collection[str]) -> Mapping[str, SiteStatus]:
        failed_at = timezone.now() - timedelta(minutes=3)
        return {
            name: SiteStatus(1_000 + len(name), 5, 0, "status 500", failed_at) for name in names
        }

    monkeypatch.setattr(status, "_provider", provide)


def start(user: User) -> str:
    response = login(user).get("/admin/")
    assert response.status_code == 200
    return response.content.decode()


def names(text: str) -> list[str]:
    """Of the sites that have a card, in their order."""
    return re.findall(r'<h3><a href="[^"]*">(.*?)</a></h3>', text)


def test_without_a_site_it_asks_for_the_first(admin_user: User) -> None:
    text = start(admin_user)
    assert FIRST in text
    assert reverse("admin:sites_site_add") in text
    assert IS_OPEN in text
    assert names(text) == []


def test_a_site_is_shown_with_its_numbers_and_links(admin_user: User, site: Site) -> None:
    text = start(admin_user)
    assert names(text) == ["newsite"]
    assert ">Enabled<" in text
    assert "<dt>clients now</dt><dd>1,007</dd>" in text
    assert "3\N{NO-BREAK SPACE}minutes ago: status 500" in text
    for page in ("live", "inspector", "sender"):
        assert f'href="{reverse(f"control:{page}")}?site=newsite"' in text
    assert FIRST not in text


def test_a_failure_of_this_minute_is_just_now(
    admin_user: User, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = SiteStatus(last_auth_failure="status 500", last_auth_failure_at=timezone.now())
    monkeypatch.setattr(status, "_provider", lambda names: dict.fromkeys(names, failed))
    assert "authUrl failed just now: status 500" in start(admin_user)


def test_a_disabled_site_says_so(admin_user: User, site: Site) -> None:
    site.is_enabled = False
    site.save()
    text = start(admin_user)
    assert ">Disabled<" in text
    assert ">Enabled<" not in text


def test_the_steps_fold_up_for_who_has_several_sites(
    admin_user: User, site: Site, other_site: Site
) -> None:
    text = start(admin_user)
    assert names(text) == ["newsite", "othersite"]
    assert STEPS in text
    assert IS_OPEN not in text


def test_an_owner_sees_no_trace_of_other_sites(site: Site, other_site: Site) -> None:
    text = start(make_user("view_site", owns=site))
    assert names(text) == ["newsite"]
    assert "othersite" not in text


def test_links_are_those_that_one_may_follow(site: Site) -> None:
    text = start(make_user("view_site", owns=site))
    assert reverse("control:live") in text
    assert reverse("control:sender") not in text
    assert reverse("admin:sites_site_add") not in text
    assert STEPS not in text


def test_who_owns_no_site_is_told_whom_to_ask(site: Site) -> None:
    text = start(make_user("view_site"))
    assert "Ask whoever runs this service" in text
    assert "newsite" not in text


def test_who_may_not_see_sites_sees_none(site: Site) -> None:
    assert "newsite" not in start(make_user("view_apikey", owns=site))


def test_many_sites_are_cut_and_the_rest_is_linked(
    admin_user: User, site: Site, other_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "All 2 sites" not in start(admin_user)
    monkeypatch.setattr(start_page, "MAX_SITES", 1)
    text = start(admin_user)
    assert names(text) == ["newsite"]
    assert "All 2 sites" in text


def test_a_name_is_escaped(admin_user: User) -> None:
    Site.objects.create(name="<b>&shop", auth_url="http://shop.com")
    text = start(admin_user)
    assert names(text) == ["&lt;b&gt;&amp;shop"]
    assert "?site=%3Cb%3E%26shop" in text


def test_site_names_are_written_as_they_are_in_the_path(admin_user: User, site: Site) -> None:
    text = login(admin_user).get(f"/admin/sites/site/{site.pk}/change/").content.decode()
    path = re.findall(r'tracking-tight">\s*(.*?)\s*</', text)
    assert path[-1] == "newsite"
    assert "Sites" in path
