"""Sites and keys in the admin, as somebody new to it goes about them."""

import itertools
import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import TIMEOUT_MS, Service, Watched
from tests.browser.sending import wait_until_it_sends

expect.set_options(timeout=TIMEOUT_MS)

_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    return f"shop{next(_numbers)}"


@pytest.fixture
def key(service: Service, admin_page: Page, watched: Watched, name: str) -> str:
    """The first key of a new site, whose page with the key is open."""
    admin_page.goto(f"{service.url}/admin/sites/site/add/")
    admin_page.get_by_label("Name", exact=False).first.fill(name)
    admin_page.get_by_label("Auth URL").fill(f"{service.url}/demo/rooms")
    admin_page.get_by_label("User room prefix").fill("user_")
    admin_page.get_by_role("button", name="Save", exact=True).click()
    return admin_page.locator("#new-key").inner_text()


def open_site(page: Page, service: Service, name: str) -> None:
    page.goto(f"{service.url}/admin/sites/site/?q={name}")
    page.get_by_role("link", name=name, exact=True).click()


def look_at(page: Page, watched: Watched) -> None:
    watched.check()
    assert violations(page) == []


def test_a_key_is_shown_once_and_can_be_copied(
    admin_page: Page, watched: Watched, context: BrowserContext, key: str
) -> None:
    look_at(admin_page, watched)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    admin_page.get_by_role("button", name="Copy key").click()
    expect(admin_page.get_by_text("Copied")).to_be_visible()
    assert admin_page.evaluate("navigator.clipboard.readText()") == key
    admin_page.reload()
    expect(admin_page.get_by_role("link", name="Rotate this key")).to_be_visible()
    assert key not in admin_page.content()
    watched.check()


def test_a_key_is_rotated_and_revoked(
    service: Service, admin_page: Page, watched: Watched, name: str, key: str
) -> None:
    wait_until_it_sends(service, name, key)
    admin_page.get_by_role("link", name="Go to the key").click()
    admin_page.get_by_role("link", name="Rotate this key").click()
    look_at(admin_page, watched)
    admin_page.get_by_label("One hour").check()
    admin_page.get_by_role("button", name="Make the new key").click()
    successor = admin_page.locator("#new-key").inner_text()
    assert successor != key
    look_at(admin_page, watched)
    for each in (key, successor):
        wait_until_it_sends(service, name, each)
    admin_page.get_by_role("link", name="Go to the key").click()
    admin_page.get_by_role("link", name="Revoke this key").click()
    expect(admin_page.get_by_text("1 other key of this site")).to_be_visible()
    look_at(admin_page, watched)
    with admin_page.expect_navigation():
        admin_page.get_by_role("button", name="Revoke this key").click()
    expect(admin_page.get_by_text(f"of {name} is revoked")).to_be_visible()
    look_at(admin_page, watched)


def test_the_auth_url_is_checked(
    service: Service, admin_page: Page, watched: Watched, name: str, key: str
) -> None:
    admin_page.get_by_role("link", name="Go to the site").click()
    admin_page.get_by_role("link", name="Check authUrl").click()
    admin_page.get_by_label("Token").fill("alice")
    expect(admin_page.locator("#busy")).to_be_hidden()
    # Its script runs once the page is read, which the field above doesn't wait for.
    admin_page.wait_for_load_state("load")
    # What a click does at once, without the answer that would replace the page.
    shown = """form => { form.addEventListener("submit", e => e.preventDefault(), { once: true });
        form.requestSubmit(); return !document.getElementById("busy").hidden; }"""
    assert admin_page.locator("#check").evaluate(shown)
    admin_page.get_by_role("button", name="Check").click()
    expect(admin_page.get_by_role("heading", name="The client is let in")).to_be_visible()
    expect(admin_page.locator("#user-rooms li")).to_have_text(["user_alice"])
    expect(admin_page.locator("#other-rooms li")).to_have_text(["staff", "everyone"])
    expect(admin_page.locator("#time")).to_have_text(re.compile(r"^\d+ ms$"))
    expect(admin_page.get_by_label("Token")).to_have_value("")
    look_at(admin_page, watched)
    admin_page.get_by_label("Token").fill("Nobody?")
    admin_page.get_by_role("button", name="Check").click()
    expect(admin_page.locator("#reason")).to_have_text("Authentication failed")
    expect(admin_page.locator("#status")).to_have_text("401")
    assert "Nobody?" not in admin_page.content()
    look_at(admin_page, watched)


def test_code_is_copied(
    service: Service,
    admin_page: Page,
    watched: Watched,
    context: BrowserContext,
    name: str,
    key: str,
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    admin_page.get_by_role("link", name="Go to the site").click()
    admin_page.get_by_role("link", name="Code to copy").click()
    admin_page.get_by_role("button", name="Copy Ruby").click()
    expect(admin_page.get_by_text("Copied")).to_be_visible()
    copied = admin_page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("require 'json'\n")
    assert f"{service.url}/send?site={name}" in copied
    watched.check()


def test_disabling_a_site_asks_first(
    service: Service, admin_page: Page, watched: Watched, name: str, key: str
) -> None:
    open_site(admin_page, service, name)
    admin_page.get_by_label("Enabled").uncheck()
    admin_page.get_by_role("button", name="Save", exact=True).click()
    expect(admin_page.get_by_text("disconnected, and do not come back")).to_be_visible()
    wait_until_it_sends(service, name, key)
    look_at(admin_page, watched)
    admin_page.get_by_role("button", name="Yes, change it").click()
    expect(admin_page.get_by_text("was changed successfully")).to_be_visible()
    admin_page.goto(f"{service.url}/admin/sites/site/?q={name}&is_enabled__exact=0")
    expect(admin_page.get_by_role("link", name=name, exact=True)).to_be_visible()
    look_at(admin_page, watched)


def test_who_says_no_changes_nothing(
    service: Service, admin_page: Page, watched: Watched, name: str, key: str
) -> None:
    open_site(admin_page, service, name)
    admin_page.get_by_label("User room prefix").fill("u_")
    admin_page.get_by_role("button", name="Save", exact=True).click()
    admin_page.get_by_role("link", name="No, leave it as it is").click()
    expect(admin_page.get_by_label("User room prefix")).to_have_value("user_")
    watched.check()
