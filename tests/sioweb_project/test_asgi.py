"""The ASGI application, where no web server has bounded what it gets."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.conf import settings

from sioweb_project.asgi import application

PART = b"x" * 100_000


@pytest.mark.parametrize("path", ["/admin/login/", "/nowhere"])
async def test_a_body_without_an_end_is_answered_with_413_at_its_bound(path: str) -> None:
    received = 0
    sent: list[dict[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        nonlocal received
        received += len(PART)
        return {"type": "http.request", "body": PART, "more_body": True}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
    }
    await application(scope, receive, send)
    assert sent[0]["status"] == 413
    assert received <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE + len(PART)
