"""The documentation's site in a browser: it is searched without anybody else's server."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import TIMEOUT_MS, Watched
from tests.docs.building import build


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(build(tmp_path / "site")))
    )
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_reader_finds_an_option_by_searching(site: str, browser: Browser) -> None:
    page = browser.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    watched, asked = Watched(page), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}index.html")
    expect(page.get_by_text("Type to start searching")).to_be_attached(timeout=TIMEOUT_MS)
    page.get_by_role("textbox", name="Search").press_sequentially("connections_per_address")
    # Other pages name it, too; which comes first is the search's affair.
    results = page.locator(".md-search-result__link")
    result = results.filter(has_text="Configuration").first
    expect(result).to_be_attached(timeout=TIMEOUT_MS)
    result.click()
    expect(page.get_by_role("heading", name="limits")).to_be_visible(timeout=TIMEOUT_MS)
    assert [url for url in asked if not url.startswith(site)] == []
    watched.check()
    page.close()
