"""What the sites of a run answer at `authUrl`: one is honest, the others attack the service.

They run in the attacker's process.
"""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache

from aiohttp import web

MIB = 1024 * 1024

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def honest(request: web.BaseRequest) -> web.StreamResponse:
    """The rooms that stand in the token, and 401 for one without."""
    token = request.headers.get("Authorization", "").partition(" ")[2]
    if not token.startswith(("user_", "room")):
        return web.Response(status=401)
    return web.json_response(token.split(","))


async def hung(request: web.BaseRequest) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response(status=503)


async def endless(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with suppress(ConnectionError):  # the service hangs up
        for _ in range(256):
            await response.write(b'["' + b"x" * MIB)
    return response


async def dripping(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with suppress(ConnectionError):
        for _ in range(60):
            await response.write(b" ")
            await asyncio.sleep(0.5)
    return response


async def redirecting(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "http://127.0.0.1:6379/"})


async def bomb(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=bomb_body(), headers={"Content-Encoding": "gzip"})


async def too_many(request: web.BaseRequest) -> web.StreamResponse:
    return web.json_response([f"room{i}" for i in range(10_001)])


async def many(request: web.BaseRequest) -> web.StreamResponse:
    return web.json_response([f"room{i}" for i in range(10_000)])


async def deep(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="[" * 100_000 + "]" * 100_000)


async def odd(request: web.BaseRequest) -> web.StreamResponse:
    """Rooms that are no names, or look like control characters, keys of Redis and groups."""
    return web.Response(text=json.dumps(["user_\x00\r\n\x1b[2J", "*", "sioweb:{own/room}:queue"]))


ANSWERS: dict[str, Answer] = {
    each.__name__.replace("_", "-"): each
    for each in (hung, endless, dripping, redirecting, bomb, too_many, many, deep, odd)
}


@cache
def bomb_body() -> bytes:
    """Takes a second: not for whoever only reads this module."""
    return gzip.compress(bytes(256 * MIB))


async def serve(port: int) -> web.ServerRunner:
    bomb_body()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await ANSWERS.get(request.path.removeprefix("/"), honest)(request)

    runner = web.ServerRunner(
        web.Server(answer, handler_cancellation=True), access_log=None, shutdown_timeout=0
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    return runner
