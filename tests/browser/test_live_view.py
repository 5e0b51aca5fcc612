"""The control room in a browser: it moves without a reload, and what it does arrives."""

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.axe import script, violations
from tests.browser.conftest import TIMEOUT_MS, Service, Watched

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
CONTROL = "/admin/control"
USER = "carol"
ROOM = f"user_{USER}"


@pytest.fixture
def page(admin_page: Page) -> Page:
    return admin_page


@pytest.fixture
def client(service: Service, context: BrowserContext) -> Iterator[Page]:
    """A client of the demo site, by the demo page; connected once `connect` has returned."""
    page = context.new_page()
    yield page
    page.close()


def connect(client: Page, service: Service) -> None:
    client.goto(f"{service.url}/demo/")
    client.get_by_label("Name").fill(USER)
    client.get_by_label("Name").press("Enter")
    expect(client.locator("#rooms")).to_contain_text(ROOM)
    expect(client.locator("#state")).to_have_attribute("data-state", "connected")


def send(page: Page, service: Service, event: str) -> None:
    page.goto(f"{service.url}{CONTROL}/sender/?site=demo&room={ROOM}")
    page.get_by_label("Event").fill(event)
    page.get_by_label("Arguments").fill('["Hello", {"n": 1}]')
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#answer")).to_contain_text('"ok":true')


def expect_clients(page: Page, count: int) -> None:
    expect(page.locator("#clients")).to_have_text(str(count), timeout=TIMEOUT_MS)


def test_the_live_view_moves_without_a_reload(
    service: Service, page: Page, watched: Watched, client: Page, context: BrowserContext
) -> None:
    page.goto(f"{service.url}{CONTROL}/live/?site=demo")
    expect(page.locator("#state")).to_have_text("Live")
    expect_clients(page, 0)  # those of tests that ran before are gone
    page.evaluate("window.isSamePage = true")
    connect(client, service)
    expect_clients(page, 1)
    sender = Watched(context.new_page())
    send(sender.page, service, "from_the_test_sender")
    expect(sender.page.locator("#progress")).to_contain_text("acknowledged")
    sender.check()
    expect(client.locator("body")).to_contain_text("from_the_test_sender")
    expect(page.locator("#messages")).not_to_have_text("0")
    expect(page.locator("#acks")).not_to_have_text("0")
    expect(page.locator("#p50")).to_contain_text("ms")
    assert page.locator("#control svg").count() == 4
    expect(page.locator("#processes tr")).to_have_count(1)
    page.get_by_label("last 3 minutes").check()
    chart = page.locator("#chart-messages svg")
    expect(chart).to_have_attribute("aria-label", re.compile("^in: at most [1-9]"))
    client.goto("about:blank")
    expect_clients(page, 0)
    assert page.evaluate("window.isSamePage")
    watched.check()


def test_the_inspector_shows_a_room_and_acts_on_it(
    service: Service, page: Page, watched: Watched, client: Page
) -> None:
    connect(client, service)
    page.goto(f"{service.url}{CONTROL}/inspector/?site=demo")
    page.get_by_label("Room", exact=True).fill(ROOM)
    page.get_by_role("button", name="Look").click()
    card = page.locator(".control-card", has=page.locator("[data-state=live]"))
    expect(card).to_have_count(1)
    device = card.locator("h2").inner_text().split()[0]
    disconnect = page.get_by_role("button", name=f"Disconnect: {device}")
    expect(disconnect).to_be_visible()
    client.close()
    away = page.locator(".control-card", has_text=device)
    expect(away).to_contain_text("offline")
    expect(disconnect).to_have_count(0)
    send(page, service, "while_away")
    expect(page.locator("#progress")).to_contain_text("its client is away")
    page.goto(f"{service.url}{CONTROL}/inspector/?site=demo&room={ROOM}")
    expect(away).to_contain_text("while_away")
    away.get_by_role("button", name="Show the arguments").last.click()
    expect(away.locator("code").last).to_have_text('["Hello",{"n":1}]')
    watched.check()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name=f"Clear queue: {device}").click()
    expect(page.locator("#done")).to_contain_text("Cleared the queue")
    expect(away).to_contain_text("0 messages wait")
    delivery = page.locator("#deliveries-rows tr", has_text="while_away").first
    expect(delivery).to_contain_text("dropped (cleared)")
    delivery.locator("summary").click()
    expect(delivery.locator("pre")).to_contain_text('"reason": "cleared"')
    watched.check()


def test_the_test_sender_says_what_is_wrong(service: Service, page: Page, watched: Watched) -> None:
    page.goto(f"{service.url}{CONTROL}/sender/?site=demo&room={ROOM}")
    page.get_by_label("Arguments").fill('["Hello"')
    expect(page.get_by_role("alert")).to_contain_text("Arguments:")
    expect(page.get_by_label("Arguments")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#outcome")).to_be_hidden()
    watched.check()


def test_labels_and_contrast_of_what_is_drawn(
    service: Service, page: Page, watched: Watched, client: Page
) -> None:
    script()
    connect(client, service)
    client.close()
    send(page, service, "while_away")
    expect(page.locator("#progress li").first).to_be_visible()
    checks = {
        "sender/?site=demo": "#send",
        "live/": "#chart-trouble svg",
        f"inspector/?site=demo&room={ROOM}": "#deliveries-rows tr",
    }
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for path, drawn in checks.items():
            page.goto(f"{service.url}{CONTROL}/{path}")
            expect(page.locator(drawn).first).to_be_attached()
            assert violations(page) == []
            watched.check()
