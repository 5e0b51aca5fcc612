"""A real service in the development environment, and a real Chromium that looks at it.

Playwright's synchronous side runs an event loop in this thread, so that it ends with
the module: asynchronous tests of other modules would find that loop running.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from sioweb_project.config import PROJECT_DIR
from tests.needs import missing

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 20_000
STOP_SECONDS = 30
SIZES = {"desktop": (1280, 900), "phone": (390, 844), "small phone": (360, 740)}


@dataclass(frozen=True)
class Service:
    url: str
    password: str  # of the admin
    curl_line: str


@dataclass
class Watched:
    """A page and whatever went wrong on it."""

    page: Page
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def check(self) -> None:
        """Nothing in the console, and nothing wider than the window."""
        assert self.problems == []
        assert self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.text} {message.location['url']}")


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    with _running() as service:
        yield service


@pytest.fixture(scope="module")
def cluster() -> Iterator[Service]:
    """Two processes behind one port."""
    with _running("--workers", "2") as service:
        yield service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        missing("Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=SIZES)
def context(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """A visitor with an empty storage, at each of the widths."""
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


@pytest.fixture
def watched(context: BrowserContext) -> Watched:
    return Watched(context.new_page())


@pytest.fixture(scope="module")
def admin_cookies(service: Service, browser: Browser) -> list[Any]:
    """Those of the admin whose password the first start has printed, who logs in once."""
    with closing(browser.new_context()) as context:
        log_in(context.new_page(), service)
        return list(context.cookies())


@pytest.fixture
def admin_page(context: BrowserContext, watched: Watched, admin_cookies: list[Any]) -> Page:
    """Of somebody who has logged in, and has not gone anywhere yet."""
    context.add_cookies(admin_cookies)
    return watched.page


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where a test leaves what it saw, for whoever wants to look: pytest keeps the last runs."""
    return tmp_path


def log_in(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(service.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


@contextmanager
def _running(*arguments: str) -> Iterator[Service]:
    # Not pytest's own folder: its path may be too long for the embedded Redis' socket.
    with tempfile.TemporaryDirectory(prefix="t-") as folder, ExitStack() as stack:
        log = stack.enter_context((Path(folder) / "log").open("wb"))
        yield stack.enter_context(_running_in(Path(folder), log, *arguments))


@contextmanager
def _running_in(folder: Path, log: IO[bytes], *arguments: str) -> Iterator[Service]:
    """Serve from an empty folder until the end, as `make serve` does."""
    foreign = ("SIOWEB_", "NODE_ENV", "PORT", "REDIS_URL", "SITE_NAME", "DJANGO")
    own = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    variables = {
        "SIOWEB_ENV": "development",
        "SIOWEB_CONFIG_DIR": str(folder),
        "SIOWEB_DATA_DIR": str(folder / "var"),
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", "0", *arguments],
        cwd=PROJECT_DIR,
        env=own | variables,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    with process:
        try:
            yield _read_greeting(process)
        finally:
            process.terminate()
            assert process.wait(STOP_SECONDS) == 0


def _read_greeting(process: subprocess.Popen[str]) -> Service:
    """Read what the service prints up to the curl line, which is the last thing."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("curl "):
            break
    text = "".join(lines)
    url = re.search(r"^Listening on (\S+)$", text, re.MULTILINE)
    password = re.search(r"password (\w+)", text)
    assert url, text
    assert password, text
    return Service(url[1], password[1], lines[-1])
