"""From a new site to its last client, in a browser, against a service of two processes.

What an admin does in the first hour, one step after the other. What the pages look like
is kept in var/screenshots.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from sioweb_project.config import PROJECT_DIR
from tests.browser.conftest import TIMEOUT_MS, Service, log_in
from tests.browser.sending import wait_until_all_answer
from tests.browser.shop_server import serving_pages
from tests.browser.window import Window

expect.set_options(timeout=TIMEOUT_MS)

SITE, USER, ROOM = "shop", "alice", "user_alice"
MAX_DEVICES = 20  # all of them by chance on the same process: once in 500,000 runs
SCREENSHOTS = PROJECT_DIR / "var" / "screenshots"
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}


@pytest.fixture
def shop_url() -> Iterator[str]:
    with serving_pages() as url:
        yield url


@pytest.fixture
def window(browser: Browser, cluster: Service, shop_url: str) -> Iterator[Window]:
    context = browser.new_context(viewport=VIEWPORT)
    context.set_default_timeout(TIMEOUT_MS)
    yield Window(context, cluster, shop_url)
    context.close()


@pytest.mark.timeout(300)  # 45 s alone, and with its two processes over 120 on a busy machine
def test_from_a_new_site_to_its_last_client(window: Window) -> None:
    log_in(window.admin, window.service)
    first_key = add_site(window)
    second_key = add_key(window)
    for key in (first_key, second_key):
        wait_until_all_answer(200, window.service, SITE, key)
    check_auth_url(window)
    watch(window)
    device_count = open_devices_on_both_processes(window)
    send_and_see_it_arrive(window, device_count)
    look_into_the_queues(window, device_count)
    look_at_the_sites(window, device_count)
    page_of_second_key = open_key(window, "second key")
    third_key = rotate(window)
    for key in (first_key, second_key, third_key):
        wait_until_all_answer(200, window.service, SITE, key)
    revoke(window, page_of_second_key)
    wait_until_all_answer(401, window.service, SITE, second_key)
    wait_until_all_answer(200, window.service, SITE, third_key)
    ask_to_disable(window)
    expect(devices(window, "connected")).to_have_count(device_count)
    disable(window)
    expect(devices(window, "gone")).to_have_count(device_count)
    expect(window.live.locator("#clients")).to_have_text("0")
    assert window.live.evaluate("window.isSamePage"), "the live view moves without a reload"
    wait_until_all_answer(401, window.service, SITE, third_key)
    window.check()


def add_site(window: Window) -> str:
    """Return the first key, which is shown once."""
    expect(window.admin.get_by_role("link", name="Demo page")).to_be_visible()
    keep_screenshot(window.admin, "overview")
    window.admin.get_by_role("link", name="Add a site").click()
    window.admin.get_by_label("Name", exact=False).first.fill(SITE)
    window.admin.get_by_label("Auth URL").fill(f"{window.service.url}/demo/rooms")
    window.admin.get_by_label("User room prefix").fill("user_")
    window.admin.get_by_role("button", name="Save", exact=True).click()
    return shown_once(window)


def add_key(window: Window) -> str:
    page = window.open_site(SITE)
    page.get_by_role("link", name="Add an API key").click()
    page.get_by_label("Label").fill("second key")
    page.get_by_role("button", name="Save", exact=True).click()
    return shown_once(window)


def shown_once(window: Window) -> str:
    key = window.admin.locator("#new-key").inner_text()
    window.check()
    expect(window.admin).to_have_url(re.compile(r"/apikey/\d+/made/$"))
    window.admin.reload()
    expect(window.admin).to_have_url(re.compile(r"/apikey/\d+/change/$"))
    expect(window.admin.get_by_role("link", name="Rotate this key")).to_be_visible()
    assert key not in window.admin.content()
    window.check()
    return key


def check_auth_url(window: Window) -> None:
    page = window.open_site(SITE)
    keep_screenshot(page, "site")
    page.get_by_role("link", name="Check authUrl").click()
    page.get_by_label("Token").fill(USER)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#user-rooms li")).to_have_text([ROOM])
    keep_screenshot(page, "auth-check")
    window.check()


def watch(window: Window) -> None:
    window.live.goto(f"{window.service.url}/admin/control/live/?site={SITE}")
    window.live.evaluate("window.isSamePage = true")
    window.live.get_by_label("last 3 minutes").check()
    expect(window.live.locator("#processes tr")).to_have_count(2)
    expect(window.live.locator("#clients")).to_have_text("0")
    expect(window.live.locator("#acks")).to_have_text("0")


def open_devices_on_both_processes(window: Window) -> int:
    """Return how many devices that took."""
    query = urlencode({"namespace": f"{window.service.url}/{SITE}", "token": USER})
    window.client.goto(f"{window.shop_url}/page.html?{query}")
    for count in range(1, MAX_DEVICES + 1):
        window.client.evaluate("number => openDevice(`device-${number}`)", count)
        expect(devices(window, "connected")).to_have_count(count)
        expect(window.live.locator("#clients")).to_have_text(str(count))
        if "0" not in clients_by_process(window, count):
            return count
    raise AssertionError(f"{MAX_DEVICES} devices are on one process")


def clients_by_process(window: Window, total: int) -> list[str]:
    """Return `["1", "2"]`, once that makes up the total."""
    window.live.wait_for_function(
        """total => [...document.querySelectorAll("#processes td:nth-child(4)")]
          .reduce((sum, cell) => sum + Number(cell.textContent), 0) === total""",
        arg=total,
    )
    return window.live.locator("#processes td:nth-child(4)").all_inner_texts()


def send_and_see_it_arrive(window: Window, device_count: int) -> None:
    send(window, "price_changed")
    acknowledged = window.admin.locator("#progress [data-state=acked]")
    expect(acknowledged).to_have_count(device_count)
    arrived = window.client.locator("#events li", has_text='price_changed ["Hello",{"n":1}]')
    expect(arrived).to_have_count(device_count)
    expect(window.live.locator("#messages")).not_to_have_text("0")
    expect(window.live.locator("#acks")).not_to_have_text("0")
    keep_screenshot(window.admin, "sender")
    window.check()


def look_into_the_queues(window: Window, device_count: int) -> None:
    """A message that the clients have, and do not acknowledge, waits in each queue."""
    send(window, "unfinished")
    expect(window.client.locator("#events li", has_text="unfinished")).to_have_count(device_count)
    page = window.open(f"control/inspector/?site={SITE}&room={ROOM}")
    cards = page.locator(".control-card", has=page.locator("[data-state=live]"))
    expect(cards.filter(has_text="unfinished")).to_have_count(device_count)
    expect(cards.filter(has_text="price_changed")).to_have_count(0)
    keep_screenshot(page, "inspector")
    window.check()


def look_at_the_sites(window: Window, device_count: int) -> None:
    page = window.open("sites/site/")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=SITE, exact=True))
    expect(row.locator(".field-clients")).to_have_text(str(device_count))
    keep_screenshot(page, "sites")
    keep_screenshot(window.live, "live-view")
    window.check()


def send(window: Window, event: str) -> None:
    page = window.open(f"control/sender/?site={SITE}&room={ROOM}")
    page.get_by_label("Event").fill(event)
    page.get_by_label("Arguments").fill('["Hello", {"n": 1}]')
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#answer")).to_contain_text('"ok":true')


def open_key(window: Window, label: str) -> str:
    """Return the address of its page."""
    page = window.open_site(SITE)
    page.get_by_role("link", name=label).click()
    expect(page.get_by_role("link", name="Rotate this key")).to_be_visible()
    return page.url


def rotate(window: Window) -> str:
    """Return the new key; the old one, whose page is open, goes on for an hour."""
    page = window.admin
    page.get_by_role("link", name="Rotate this key").click()
    page.get_by_label("One hour").check()
    page.get_by_role("button", name="Make the new key").click()
    return shown_once(window)


def revoke(window: Window, page_of_key: str) -> None:
    page = window.admin
    page.goto(page_of_key)
    page.get_by_role("link", name="Revoke this key").click()
    page.get_by_role("button", name="Revoke this key").click()
    expect(page.get_by_text(f"of {SITE} is revoked")).to_be_visible()
    window.check()


def ask_to_disable(window: Window) -> None:
    page = window.open_site(SITE)
    page.get_by_label("Enabled").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("disconnected, and do not come back")).to_be_visible()
    keep_screenshot(page, "disable")
    window.check()


def disable(window: Window) -> None:
    window.admin.get_by_role("button", name="Yes, change it").click()
    expect(window.admin.get_by_text("was changed successfully")).to_be_visible()


def devices(window: Window, state: str) -> Locator:
    return window.client.locator(f"#devices [data-state={state}]")


def keep_screenshot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
