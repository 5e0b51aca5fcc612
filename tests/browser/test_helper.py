"""The helper for browsers in a browser, loaded from the service by a page of another origin."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect
from sioweb_client import Sender

from tests.browser.conftest import TIMEOUT_MS, Service, Watched
from tests.browser.shop_server import serving_pages

USER = "helen"
ROOM = f"user_{USER}"


@pytest.fixture
def sender(service: Service) -> Iterator[Sender]:
    """With the key of the demo site, which the greeting shows."""
    key = re.search(r"demo_\w+", service.curl_line)
    assert key, service.curl_line
    with Sender(service.url, "demo", key[0]) as sender:
        yield sender


def test_a_page_gets_what_it_missed_and_stays_the_same_device(
    browser: Browser, service: Service, sender: Sender
) -> None:
    with serving_pages() as shop_url:
        watched = Watched(browser.new_page())
        page = watched.page
        page.set_default_timeout(TIMEOUT_MS)
        query = urlencode({"service": service.url, "token": USER})
        open_shop(page, f"{shop_url}/helper.html?{query}")
        device = page.evaluate("client.deviceId")
        sender.send(ROOM, "hello", 1)
        expect(page.locator("#events li")).to_have_text(["hello 1"])
        page.goto("about:blank")
        for number in (2, 3):
            sender.send(ROOM, "hello", number)
        open_shop(page, f"{shop_url}/helper.html?{query}")
        expect(page.locator("#events li")).to_have_text(["hello 2", "hello 3"])
        assert page.evaluate("client.deviceId") == device
        [user] = sender.presence(ROOM)
        assert [each["device"] for each in user["devices"]] == [device]
        watched.check()
        page.close()


def open_shop(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator("#state")).to_have_text("connected", timeout=TIMEOUT_MS)
