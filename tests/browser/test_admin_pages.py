"""Every page of the admin in a browser: the console, the width, labels and contrast."""

import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Service, Watched, log_in

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
# That the policy is in force: a script of the page's own does not run.
IS_REFUSED = """() => {
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  document.body.append(script);
  return !window.ran;
}"""
# Site and key 1 are the demo's, user and group 1 what the first start makes.
PAGES = {
    "index": "/admin/",
    "sites": "/admin/sites/site/",
    "new-site": "/admin/sites/site/add/",
    "site": "/admin/sites/site/1/change/",
    "site-check": "/admin/sites/site/1/auth-check/",
    "site-code": "/admin/sites/site/1/snippets/",
    "site-history": "/admin/sites/site/1/history/",
    "site-delete": "/admin/sites/site/1/delete/",
    "keys": "/admin/sites/apikey/",
    "new-key": "/admin/sites/apikey/add/",
    "key": "/admin/sites/apikey/1/change/",
    "key-rotate": "/admin/sites/apikey/1/rotate/",
    "key-revoke": "/admin/sites/apikey/1/revoke/",
    "live-view": "/admin/control/live/",
    "inspector": "/admin/control/inspector/?site=demo&room=user_alice",
    "sender": "/admin/control/sender/?site=demo",
    "users": "/admin/auth/user/",
    "user": "/admin/auth/user/1/change/",
    "groups": "/admin/auth/group/",
    "group": "/admin/auth/group/1/change/",
    "changes": "/admin/admin/logentry/",
    "password": "/admin/password_change/",
}
at_one_width = pytest.mark.parametrize("context", ["desktop"], indirect=True)


def look_at(page: Page, watched: Watched, screenshot: Path) -> None:
    watched.check()
    page.screenshot(path=screenshot, full_page=True)
    assert violations(page) == []


def test_the_login_page(service: Service, watched: Watched, screenshots: Path) -> None:
    for scheme in SCHEMES:
        watched.page.emulate_media(color_scheme=scheme)
        watched.page.goto(f"{service.url}/admin/")
        expect(watched.page.get_by_role("button", name="Log in")).to_be_visible()
        look_at(watched.page, watched, screenshots / f"{scheme}.png")
    log_in(watched.page, service)
    watched.check()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_all_pages(
    scheme: Scheme, service: Service, admin_page: Page, watched: Watched, screenshots: Path
) -> None:
    admin_page.emulate_media(color_scheme=scheme)
    for name, path in PAGES.items():
        answer = admin_page.goto(f"{service.url}{path}")
        assert answer is not None
        assert answer.status == 200, path
        is_dark = "dark" in (admin_page.locator("html").get_attribute("class") or "").split()
        assert is_dark == (scheme == "dark")
        look_at(admin_page, watched, screenshots / f"{name}.png")


@at_one_width
def test_all_pages_work_without_scripts_of_their_own(
    service: Service, admin_page: Page, watched: Watched
) -> None:
    """The browser refuses inline scripts and handlers, and whatever comes from elsewhere."""

    for path in PAGES.values():
        admin_page.goto(f"{service.url}{path}")
        watched.check()
    assert admin_page.evaluate(IS_REFUSED)


@at_one_width
def test_the_tab_has_a_title_and_an_icon(service: Service, admin_page: Page) -> None:
    admin_page.goto(f"{service.url}/admin/")
    expect(admin_page).to_have_title(re.compile("sioweb"))
    icon = admin_page.locator("link[rel=icon]").get_attribute("href")
    assert admin_page.request.get(f"{service.url}{icon}").ok
