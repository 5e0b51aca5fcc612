"""Scripts in every field that the admin keeps: none runs, on any page that shows them.

The browser is told to forget the Content-Security-Policy, so that escaping alone has to do.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import TIMEOUT_MS, Service, log_in

# Closes an attribute and a tag, an expression of Alpine, and a string of JavaScript.
SCRIPT = "\"'><script>window.ran=1</script><img/src/onerror=window.ran=1>'-(window.ran=1)-'"
NAME = "\"'><script>window.ran=1</script>"  # valid: no space, no comma, no question mark
ROOM = f"user_{SCRIPT}"
JAVASCRIPT = "javascript:window.ran=1"
HAS_RUN = """() => [
  window.ran ? "a script has run" : "",
  ...[...document.querySelectorAll("[onerror], [href^='javascript:'], [src^='javascript:']")]
    .map(element => element.outerHTML),
].filter(Boolean)"""


@pytest.fixture
def page(service: Service, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(bypass_csp=True, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    log_in(page, service)
    yield page
    context.close()


def test_script_that_is_not_escaped_would_be_seen(page: Page) -> None:
    unescaped = "text => document.body.insertAdjacentHTML('beforeend', `<p title=\"${text}\">`)"
    assert page.evaluate(HAS_RUN) == []
    page.evaluate(unescaped, SCRIPT)
    page.wait_for_function("window.ran === 1")
    assert len(page.evaluate(HAS_RUN)) == 2


def test_no_stored_script_runs(service: Service, page: Page) -> None:
    site = add_site(page, service)
    key = add_key(page, service, site)
    group = add_group(page, service)
    change_names(page, service)
    send(page, service)
    look_at_the_room(page, service)
    query = urlencode({"site": NAME, "room": ROOM})
    site_page, key_page = f"sites/site/{site}", f"sites/apikey/{key}"
    paths = [
        "",
        "sites/site/",
        f"sites/site/?{urlencode({'q': SCRIPT})}",
        *(f"{site_page}/{each}/" for each in ("change", "history", "delete", "snippets")),
        "sites/apikey/",
        *(f"{key_page}/{each}/" for each in ("change", "history", "rotate", "revoke")),
        f"control/live/?{query}",
        f"control/inspector/?{query}",
        f"control/sender/?{query}",
        "auth/group/",
        *(f"auth/group/{group}/{each}/" for each in ("change", "history", "delete")),
        "auth/user/",
        *(f"auth/user/1/{each}/" for each in ("change", "history", "delete", "password")),
        f"auth/user/?{urlencode({'q': SCRIPT})}",
        "admin/logentry/",
        f"{site_page}/auth-check/",
        f"login/?{urlencode({'next': JAVASCRIPT})}",
        f"{quote(SCRIPT)}/",
    ]
    for path in paths:
        page.goto(f"{service.url}/admin/{path}")
        assert page.evaluate(HAS_RUN) == [], path
    check_auth_url(page, service, site)


def add_site(page: Page, service: Service) -> str:
    """Return its number. What can be no URL and no scheme is refused, and shown."""
    page.goto(f"{service.url}/admin/sites/site/add/")
    page.locator("#id_name").fill(NAME)
    page.locator("#id_auth_url").fill(JAVASCRIPT)
    page.locator("#id_auth_scheme").fill(SCRIPT[:64])
    page.locator("#id_user_room_prefix").fill(ROOM)
    page.locator("#id_public_channel").fill(SCRIPT)
    save(page)
    expect(page.get_by_text("An http:// or https:// address").first).to_be_visible()
    assert page.evaluate(HAS_RUN) == []
    page.locator("#id_auth_url").fill(f"http://127.0.0.1:1/{NAME}")
    page.locator("#id_update_user_url").fill(f"http://127.0.0.1:1/{NAME}")
    page.locator("#id_auth_scheme").fill("a'b")
    save(page)
    expect(page.locator("#new-key")).to_be_visible()
    assert page.evaluate(HAS_RUN) == []
    page.goto(f"{service.url}/admin/sites/site/")
    link = page.get_by_role("link", name=NAME, exact=True).get_attribute("href")
    return number_in(link)


def add_key(page: Page, service: Service, site: str) -> str:
    page.goto(f"{service.url}/admin/sites/apikey/add/?site={site}")
    page.get_by_label("Label").fill(SCRIPT)
    save(page)
    expect(page.locator("#new-key")).to_be_visible()
    assert page.evaluate(HAS_RUN) == []
    return number_in(page.url)


def add_group(page: Page, service: Service) -> str:
    page.goto(f"{service.url}/admin/auth/group/add/")
    page.locator("#id_name").fill(SCRIPT)
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page).to_have_url(re.compile(r"/group/\d+/change/"))
    assert page.evaluate(HAS_RUN) == []
    return number_in(page.url)


def change_names(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/admin/auth/user/1/change/")
    page.locator("#id_first_name").fill(SCRIPT)
    page.locator("#id_last_name").fill(SCRIPT)
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully").first).to_be_visible()
    assert page.evaluate(HAS_RUN) == []


def send(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/admin/control/sender/?{urlencode({'site': NAME, 'room': ROOM})}")
    page.get_by_label("Event").fill(SCRIPT)
    page.get_by_label("Arguments").fill('["<script>window.ran=1</script>"]')
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#answer")).to_contain_text('"ok":true')
    assert page.evaluate(HAS_RUN) == []


def look_at_the_room(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/admin/control/inspector/?{urlencode({'site': NAME, 'room': ROOM})}")
    page.get_by_role("button", name="Show the arguments").first.click()
    expect(page.locator("#devices code").last).to_contain_text("window.ran")
    expect(page.locator("#devices")).to_contain_text(SCRIPT)
    assert page.evaluate(HAS_RUN) == []


def check_auth_url(page: Page, service: Service, site: str) -> None:
    """Nothing answers there; the page waits for it as long as it says."""
    page.goto(f"{service.url}/admin/sites/site/{site}/auth-check/")
    page.get_by_label("Token").fill(SCRIPT)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#result")).to_be_visible()
    assert SCRIPT not in page.content()
    assert page.evaluate(HAS_RUN) == []


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def number_in(url: str | None) -> str:
    [number] = re.findall(r"/(\d+)/(?:change|made)/", url or "")
    return str(number)
