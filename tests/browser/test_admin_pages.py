"""The admin in a browser: nothing wrong in the console, nothing wider than the window."""

import itertools

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Service, Watched

PAGES = {
    "index": "/admin/",
    "sites": "/admin/sites/site/",
    "new site": "/admin/sites/site/add/",
    "API keys": "/admin/sites/apikey/",
    "new API key": "/admin/sites/apikey/add/",
    "users": "/admin/auth/user/",
    "groups": "/admin/auth/group/",
    "changes": "/admin/admin/logentry/",
}
_numbers = itertools.count(1)


@pytest.fixture
def page(service: Service, watched: Watched) -> Page:
    """Logged in as the admin whose password the first start has printed."""
    page = watched.page
    page.goto(f"{service.url}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(service.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()
    return page


def test_the_login_page(service: Service, watched: Watched) -> None:
    watched.page.goto(f"{service.url}/admin/")
    expect(watched.page.get_by_role("button", name="Log in")).to_be_visible()
    watched.check()


def test_all_pages_of_sites_and_keys(service: Service, page: Page, watched: Watched) -> None:
    for path in PAGES.values():
        page.goto(f"{service.url}{path}")
        watched.check()


def test_a_new_site_shows_its_first_key_once(
    service: Service, page: Page, watched: Watched
) -> None:
    name = f"newsite{next(_numbers)}"
    page.goto(f"{service.url}/admin/sites/site/add/")
    page.get_by_label("Name", exact=False).first.fill(name)
    page.get_by_label("Auth URL").fill("http://newsite.com/socketrooms")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#new-key")).to_be_visible()
    watched.check()
    page.reload()
    expect(page.get_by_role("heading", name="first key")).to_be_visible()
    expect(page.locator("#new-key")).to_have_count(0)
    watched.check()
