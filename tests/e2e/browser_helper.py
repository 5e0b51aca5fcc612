"""The helper for browsers in a process of Node, which a test tells what to do."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest_asyncio

from tests.e2e.node_client import start_script
from tests.e2e.service import Service
from tests.e2e.site import User
from tests.e2e.waiting import WAIT_SECONDS, until


@dataclass
class Helper:
    process: asyncio.subprocess.Process

    async def says(self, *line: Any) -> None:
        """The next thing it does is this."""
        assert self.process.stdout is not None
        text = await asyncio.wait_for(self.process.stdout.readline(), WAIT_SECONDS)
        assert json.loads(text) == list(line)

    async def connects(self, user: User) -> None:
        await self.says("token", user.token)
        await self.says("connect")

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())


Open = Callable[..., Any]


@pytest_asyncio.fixture(loop_scope="session")
async def open_helper(service: Service) -> AsyncIterator[Open]:
    """`await open_helper(*tokens)`: a helper that takes these one after the other."""
    async with AsyncExitStack() as stack:

        async def open_helper(*tokens: str, site: str = "newsite", **options: Any) -> Helper:
            given = {"tokens": tokens, "io": {"transports": ["websocket"]}, **options}
            return await stack.enter_async_context(_running(service.namespace(site), given))

        yield open_helper


@asynccontextmanager
async def _running(url: str, options: dict[str, Any]) -> AsyncIterator[Helper]:
    process = await start_script("helper_client.mjs", url, json.dumps(options))
    try:
        yield Helper(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), WAIT_SECONDS)


async def connected(open_helper: Open, user: User) -> Helper:
    helper: Helper = await open_helper(user.token)
    await helper.connects(user)
    return helper


async def has_state(service: Service, message: dict[str, Any], state: str) -> None:
    """Wait until the receipt of a message says so of its only device."""

    async def is_so() -> bool:
        query = {"site": "newsite", "apiKey": "54321"}
        async with service.http.get(f"/messages/{message['id']}", params=query) as response:
            found = await response.json()
        return bool(found["ok"]) and found["rooms"][0]["devices"][0]["state"] == state

    await until(is_so, f"the message is {state}")
