"""Every page of the admin in a browser: the console, the width, labels and contrast."""

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import SIZES, Service, Watched, log_in

at_one_width = pytest.mark.parametrize("context", ["desktop"], indirect=True)
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
PAGES = (
    "/admin/",
    "/admin/sites/site/",
    "/admin/sites/site/add/",
    "/admin/sites/site/1/change/",
    "/admin/sites/site/1/auth-check/",
    "/admin/sites/site/1/snippets/",
    "/admin/sites/site/1/history/",
    "/admin/sites/site/1/delete/",
    "/admin/sites/apikey/",
    "/admin/sites/apikey/add/",
    "/admin/sites/apikey/1/change/",
    "/admin/sites/apikey/1/rotate/",
    "/admin/sites/apikey/1/revoke/",
    "/admin/control/live/",
    "/admin/control/inspector/?site=demo&room=user_alice",
    "/admin/control/sender/?site=demo",
    "/admin/auth/user/",
    "/admin/auth/user/1/change/",
    "/admin/auth/group/",
    "/admin/auth/group/1/change/",
    "/admin/admin/logentry/",
    "/admin/password_change/",
)


def look_at(watched: Watched) -> None:
    """At each width: loading it anew for each would take as long again."""
    for width, height in SIZES.values():
        watched.page.set_viewport_size({"width": width, "height": height})
        watched.check()
        assert violations(watched.page) == [], (watched.page.url, width)


@at_one_width
def test_the_login_page(service: Service, watched: Watched) -> None:
    for scheme in SCHEMES:
        watched.page.emulate_media(color_scheme=scheme)
        watched.page.goto(f"{service.url}/admin/")
        expect(watched.page.get_by_role("button", name="Log in")).to_be_visible()
        look_at(watched)


def test_logging_in(service: Service, watched: Watched) -> None:
    log_in(watched.page, service)
    watched.check()


@at_one_width
@pytest.mark.parametrize("third", [0, 1, 2])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_all_pages(
    scheme: Scheme, third: int, service: Service, admin_page: Page, watched: Watched
) -> None:
    """In thirds: on a busy machine all of them take minutes."""
    admin_page.emulate_media(color_scheme=scheme)
    for path in PAGES[third::3]:
        answer = admin_page.goto(f"{service.url}{path}")
        assert answer is not None
        assert answer.status == 200, path
        is_dark = "dark" in (admin_page.locator("html").get_attribute("class") or "").split()
        assert is_dark == (scheme == "dark")
        look_at(watched)


@at_one_width
def test_all_pages_work_without_scripts_of_their_own(
    service: Service, admin_page: Page, watched: Watched
) -> None:
    """The browser refuses inline scripts and handlers, and whatever comes from elsewhere."""

    for path in PAGES:
        admin_page.goto(f"{service.url}{path}")
        watched.check()
    assert admin_page.evaluate(IS_REFUSED)


@at_one_width
def test_the_tab_has_a_title_and_an_icon(service: Service, admin_page: Page) -> None:
    admin_page.goto(f"{service.url}/admin/")
    expect(admin_page).to_have_title(re.compile("sioweb"))
    icon = admin_page.locator("link[rel=icon]").get_attribute("href")
    assert admin_page.request.get(f"{service.url}{icon}").ok
