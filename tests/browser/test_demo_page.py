"""The demo page as a first-time reader uses it."""

import re
import shlex
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import TIMEOUT_MS, Service, Watched

expect.set_options(timeout=TIMEOUT_MS)

# What Chromium says when the client gives up a connection while it upgrades to a websocket, or
# polls once more as it does so: of the two requests the poll may be read last.
GIVEN_UP = re.compile(
    "WebSocket is closed before the connection is established"
    "|status of 400 .*/socket.io/.*transport=polling.*&sid="
)


@pytest.fixture
def page(service: Service, watched: Watched, request: pytest.FixtureRequest) -> Page:
    """The page, connected as a user that no other test is."""
    page = watched.page
    page.goto(f"{service.url}/demo/")
    expect(page.locator("#transport")).to_have_text("websocket")
    connect_as(page, re.sub(r"[^a-z0-9]", "", request.node.name.lower())[-32:])
    return page


def connect_as(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Connect as this user").click()
    expect(page.locator("#rooms")).to_contain_text(f"user_{name}")
    expect(page.locator("#transport")).to_have_text("websocket")


def send(page: Page, *, times: int = 1) -> None:
    """Send from the form; wait for each answer, so that the order is known."""
    for _ in range(times):
        with page.expect_response("**/send?*") as answer:
            page.get_by_role("button", name="Send").click()
        assert answer.value.status == 200


def events(page: Page, name: str) -> Locator:
    heads = page.locator(".head .name").get_by_text(name, exact=True)
    return page.locator("#log > .entry", has=heads)


def withhold(page: Page, messages: int) -> None:
    page.get_by_label("Withhold acks").check()
    send(page, times=messages)
    expect(page.locator("#withheld")).to_have_text(f"{messages} withheld")


def test_it_shows_connection_and_rooms(page: Page, watched: Watched) -> None:
    expect(page.locator("#state")).to_have_text("Connected")
    expect(page.locator("#transport")).to_have_text("websocket")
    expect(page.locator("#sid")).to_have_text(re.compile(r"^[\w-]{20}$"))
    expect(page.locator("#rooms .chip")).to_have_count(3)
    watched.check()


def test_the_bare_address_leads_to_it(service: Service, page: Page, watched: Watched) -> None:
    page.goto("about:blank")
    page.goto(service.url)
    expect(page).to_have_url(f"{service.url}/demo/")
    watched.check()


def test_a_message_arrives_with_its_arguments_and_is_acked(page: Page, watched: Watched) -> None:
    send(page)
    expect(events(page, "update_store")).to_contain_text('"user", {"id":1,"age":5}')
    expect(events(page, "update_store")).to_contain_text("acked")
    expect(page.get_by_label("Answer of the service")).to_contain_text('"ok":true')
    watched.check()


def test_shared_rooms_ask_for_no_ack(page: Page, watched: Watched) -> None:
    page.get_by_label("Rooms", exact=True).fill("staff")
    page.get_by_label("Event", exact=True).fill("only_here")
    send(page)
    expect(events(page, "only_here").first).to_contain_text("no ack asked for")
    watched.check()


def test_what_was_not_acked_before_a_cut_comes_as_a_batch(page: Page, watched: Watched) -> None:
    withhold(page, 2)
    page.get_by_role("button", name="Cut connection").click()
    expect(events(page, "batch")).to_contain_text('"age":5')
    expect(events(page, "batch")).to_contain_text('"age":6')
    expect(events(page, "update_store").first).to_contain_text("not acked, comes again")
    events(page, "batch").get_by_role("button", name="Ack").click()
    expect(events(page, "batch")).to_contain_text("acked")
    watched.check()


def test_what_was_sent_while_offline_comes_as_a_batch(page: Page, watched: Watched) -> None:
    page.get_by_role("button", name="Go offline").click()
    expect(page.locator("#state")).to_have_text("Offline")
    send(page, times=3)
    page.get_by_role("button", name="Come back").click()
    expect(events(page, "batch").locator(".batch-events li")).to_have_count(3)
    expect(page.locator("#state")).to_have_text("Connected")
    watched.check()


def test_acks_in_the_wrong_order_bring_one_resync(page: Page, watched: Watched) -> None:
    page.get_by_role("checkbox", name="resync").check()
    withhold(page, 2)
    page.get_by_role("button", name="Ack newest first").click()
    expect(events(page, "resync")).to_contain_text('"reason":"out_of_order"')
    send(page)
    expect(events(page, "update_store")).to_have_count(3)
    expect(events(page, "resync")).to_have_count(1)
    watched.check()


def test_acks_in_order_bring_no_resync(page: Page, watched: Watched) -> None:
    page.get_by_role("checkbox", name="resync").check()
    withhold(page, 2)
    page.get_by_role("button", name="Ack in order").click()
    expect(page.locator("#withheld")).to_have_text("0 withheld")
    page.get_by_role("button", name="Cut connection").click()
    expect(page.locator(".note", has_text="Connected as")).to_have_count(3)
    send(page)
    expect(events(page, "update_store")).to_have_count(3)
    expect(events(page, "resync")).to_have_count(0)
    expect(events(page, "batch")).to_have_count(0)
    watched.check()


def test_wrong_arguments_are_told_before_they_are_sent(page: Page, watched: Watched) -> None:
    page.get_by_label("Arguments, a JSON list").fill('{"id": 1}')
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("a list is needed")
    page.get_by_label("Arguments, a JSON list").fill("[1,")
    expect(page.get_by_role("alert")).to_contain_text("Arguments:")
    page.get_by_label("Arguments, a JSON list").fill("[1]")
    expect(page.get_by_role("alert")).to_be_hidden()
    watched.check()


def test_a_name_that_the_site_does_not_know_is_refused(page: Page, watched: Watched) -> None:
    page.get_by_label("Name").fill("No One")
    page.get_by_role("button", name="Connect as this user").click()
    expect(page.locator("#state")).to_have_text("Refused: Authentication failed")
    connect_as(page, "someone")
    watched.problems[:] = [text for text in watched.problems if not GIVEN_UP.search(text)]
    watched.check()


def test_the_device_is_the_same_at_the_next_visit(
    page: Page, watched: Watched, context: BrowserContext
) -> None:
    device = page.get_by_label("Device id").input_value()
    assert device
    second = context.new_page()
    second.goto(page.url)
    expect(second.get_by_label("Device id")).to_have_value(device)
    watched.check()


def test_the_printed_curl_line_reaches_the_page(
    service: Service, page: Page, watched: Watched
) -> None:
    connect_as(page, "alice")
    words = shlex.split(service.curl_line)
    headers = dict(word.split(": ", 1) for word in words if re.match(r"[\w-]+: ", word))
    request = urllib.request.Request(words[1], words[-1].encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        assert answer.status == 200
    expect(events(page, "update_store").first).to_contain_text('"user", {"id":1,"age":5}')
    watched.check()


def test_everything_fits_when_the_page_is_full(
    page: Page, watched: Watched, screenshots: Path
) -> None:
    page.get_by_label("Arguments, a JSON list").fill(f'["{"x" * 300}", {{"text": "{"y " * 200}"}}]')
    withhold(page, 2)
    page.get_by_role("button", name="Cut connection").click()
    expect(events(page, "batch")).to_be_visible()
    page.get_by_text("The same from a shell").click()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=screenshots / f"{scheme}.png", full_page=True)
    assert cut_off(page) == []
    watched.check()


def cut_off(page: Page) -> list[str]:
    """Elements with more in them, to the right, than is seen; inputs have that by nature."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll("body *:not(input)")]
          .filter((each) => each.clientWidth > 0 && each.scrollWidth > each.clientWidth + 1)
          .map((each) => each.outerHTML.slice(0, 80))"""
    )
    return found
