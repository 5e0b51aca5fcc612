"""The customer's website: says who is in which rooms, in one of several moods."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from aiohttp import web

SITE = "faults"
SLOW_SECONDS = 2.0

Mood = Literal["well", "slow", "failing", "nonsense", "hanging up"]


class Website:
    def __init__(self) -> None:
        self.mood: Mood = "well"
        self._rooms: dict[str, list[str]] = {}
        self._port = 0

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator["Website"]:
        website = cls()
        runner = web.ServerRunner(web.Server(website._answer), access_log=None, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        website._port = runner.addresses[0][1]
        try:
            yield website
        finally:
            await runner.cleanup()

    def knows(self, token: str, rooms: list[str]) -> None:
        self._rooms[token] = rooms

    def entries(self, key: str) -> dict[str, dict[str, str]]:
        """What sites.yml says of it."""
        auth_url = f"http://127.0.0.1:{self._port}/rooms"
        return {SITE: {"authUrl": auth_url, "apiKey": key, "userRoomPrefix": "user_"}}

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").partition(" ")[2]
        match self.mood:
            case "slow":
                await asyncio.sleep(SLOW_SECONDS)
            case "failing":
                return web.Response(status=500)
            case "nonsense":
                return web.Response(text="<h1>Hello</h1>")
            case "hanging up":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
        return web.json_response(self._rooms[token])
