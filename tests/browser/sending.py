"""Calls of `/send` beside the browser, as a site's backend makes them."""

import time
import urllib.error
import urllib.request

from tests.browser.conftest import Service

MESSAGE = b'{"rooms": ["user_1"], "event": "hello"}'
LIVE_SECONDS = 2
IN_A_ROW = 8  # answers, each of a process by chance: all of the same of two once in 128 times


def status_of_send(service: Service, name: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    url = f"{service.url}/send?site={name}"
    request = urllib.request.Request(url, MESSAGE, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def wait_until_it_sends(service: Service, name: str, key: str) -> None:
    """A new key is live within two seconds."""
    deadline = time.monotonic() + LIVE_SECONDS
    while status_of_send(service, name, key) != 200:
        assert time.monotonic() < deadline, "the key does not work"


def wait_until_all_answer(status: int, service: Service, name: str, key: str) -> None:
    """Until every process is of the same mind about this key."""
    deadline = time.monotonic() + 20
    in_a_row = 0
    while in_a_row < IN_A_ROW:
        answered = status_of_send(service, name, key)
        in_a_row = in_a_row + 1 if answered == status else 0
        assert time.monotonic() < deadline, f"answered {answered}, not {status}"
