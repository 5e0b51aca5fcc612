"""Clients that poll."""

import asyncio
from typing import Any

import orjson

from delivery.server import Server
from tests.delivery.server_client import PROXY
from tests.delivery.server_fixtures import Gateway
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until

CLOSE, NOOP = b"1", b"6"  # packets of Engine.IO


async def request(server: Server, method: str, sid: str = "", body: bytes = b"") -> bytes:
    """Return the content of the answer."""
    came = [{"type": "http.request", "body": body}]
    answer: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return came.pop()

    async def send(event: dict[str, Any]) -> None:
        answer.append(event)

    scope = {
        "type": "http",
        "method": method,
        "path": "/socket.io/",
        "client": (PROXY, 4711),
        "query_string": f"EIO=4&transport=polling{sid and f'&sid={sid}'}".encode(),
        "headers": [(b"content-length", str(len(body)).encode())],
    }
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await server.handle(scope, receive, send)
    start, *parts = answer
    assert start["status"] == 200
    return b"".join(part["body"] for part in parts)


async def test_poll_of_a_client_that_has_left_is_answered(gateway: Gateway) -> None:
    """Else one that does not hang up by itself would hold up the end of the process."""
    server = gateway.server
    sid = orjson.loads((await request(server, "GET"))[1:])["sid"]
    poll = asyncio.create_task(request(server, "GET", sid))
    await until(lambda: bool(server.eio.sockets[sid].queue._getters))
    await request(server, "POST", sid, CLOSE)
    assert await poll == NOOP
