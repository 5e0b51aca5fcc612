"""Django's handler for pages: what it takes of a body, whatever a web server lets through."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from django.conf import settings

from delivery.handler import DirectHandler, Handler
from tests.delivery.http_fixtures import Edge
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS

LIMIT = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
PART = b"x" * 100_000


async def post(parts: int) -> tuple[int, int]:
    """Post so many parts to the login; return the status, and how many of them were read."""
    given = 0
    started = asyncio.get_running_loop().create_future()

    async def receive() -> dict[str, Any]:
        nonlocal given
        if given == parts:
            await asyncio.Event().wait()  # the sender stays to hear the answer
        given += 1
        return {"type": "http.request", "body": PART, "more_body": given < parts}

    async def send(event: Mapping[str, Any]) -> None:
        if event["type"] == "http.response.start":
            started.set_result(event["status"])

    scope = {"type": "http", "method": "POST", "path": "/admin/login/", "headers": []}
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await Handler()({**scope, "query_string": b""}, receive, send)
        return await started, given


async def test_no_more_of_a_body_is_read_than_a_form_may_have() -> None:
    assert await post(10 * LIMIT // len(PART)) == (413, LIMIT // len(PART) + 1)


async def test_a_form_within_the_limit_is_looked_at() -> None:
    status, given = await post(3)
    assert (status, given) == (403, 3)  # it has no CSRF token


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        (["push.example.com"], "push.example.com", 200),
        (["push.example.com"], "evil.example.com", 400),
        (["*"], "evil.example.com", 200),
    ],
)
async def test_only_allowed_hosts_are_answered(
    edge: Edge, settings: Any, allowed: list[str], host: str, status: int
) -> None:
    settings.ALLOWED_HOSTS = allowed
    edge.handler = DirectHandler()
    answer = await edge.send({"rooms": "staff", "event": "x"}, headers={"Host": host})
    assert answer.status == status
    if status != 200:
        assert answer.error[1] == "invalid_host"
