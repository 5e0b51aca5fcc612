"""The examples of the Node service's README, to the letter, with its own client code."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest_asyncio

from tests.e2e.events import stored
from tests.e2e.installing import install, running
from tests.e2e.node_client import NodeProcess, start_script
from tests.e2e.service import Service
from tests.e2e.site import FakeSite
from tests.e2e.waiting import WAIT_SECONDS

SITES_YML = """\
newsite:
  authUrl: http://newsite.com/socketrooms
  authScheme: Bearer
  apiKey: 54321
  userRoomPrefix: user_
"""
SEND = "/send?site=newsite&apiKey=54321&resync=false"
SEND_WITH_RESYNC = "/send?site=newsite&apiKey=54321&resync=true"
JSON_BODY = """\
{
  "rooms": ["user_1", "staff"],
  "event": "update_store",
  "args": ["user", {"id":1,"age":5}]
}
"""
FORM_BODY = (
    "rooms[]=user_1&rooms[]=staff&event=update_store&args[0]=user&args[1][id]=1&args[1][age]=5"
)
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
TOKEN = "12345"


@dataclass
class ReadmeClient:
    """A page with the README's handlers; what they were called with comes line by line."""

    process: asyncio.subprocess.Process

    @classmethod
    async def open(cls, service: Service) -> Self:
        return await cls.run("readme_client.js", f"{service.url}/newsite?token={TOKEN}")

    @classmethod
    async def run(cls, script: str, url: str) -> Self:
        client = cls(await start_script(script, url))
        assert await client.line() == ["connect"]
        return client

    async def line(self) -> Any:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), WAIT_SECONDS)
        return json.loads(line) if line else None

    async def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        await asyncio.wait_for(self.process.wait(), WAIT_SECONDS)


@pytest_asyncio.fixture(loop_scope="session")
async def readme_site() -> AsyncIterator[FakeSite]:
    """newsite.com: it knows the README's token."""
    site = await FakeSite.start()
    site.knows(TOKEN, ["user_1", "staff"])
    yield site
    await site.close()


@pytest_asyncio.fixture(loop_scope="session")
async def service(readme_site: FakeSite, tmp_path: Path) -> AsyncIterator[Service]:
    """One for each test, as all of them are about user_1."""
    installation = install(tmp_path / "service", {}, {})
    entry = SITES_YML.replace("http://newsite.com", f"http://127.0.0.1:{readme_site.port}")
    (installation.config_dir / "sites.yml").write_text(entry)
    async with running(installation) as service:
        yield service


async def post(service: Service, url: str, body: str, content_type: str) -> None:
    async with service.http.post(
        url, data=body, headers={"Content-Type": content_type}
    ) as response:
        assert response.status == 200, await response.text()


async def test_the_json_body_reaches_the_handler_once_with_a_callback(
    service: Service, readme_site: FakeSite
) -> None:
    client = await ReadmeClient.open(service)
    await post(service, SEND, JSON_BODY, JSON)
    assert await client.line() == ["update_store", "user", {"id": 1, "age": 5}, "function"]
    await post(service, SEND, JSON_BODY.replace("5", "6"), JSON)
    assert await client.line() == ["update_store", "user", {"id": 1, "age": 6}, "function"]
    [call] = readme_site.calls
    assert (call.method, call.path) == ("GET", "/socketrooms")
    assert call.headers["Authorization"] == "Bearer 12345"
    await client.close()


async def test_the_same_as_a_form_reaches_the_handler_with_texts(service: Service) -> None:
    client = await ReadmeClient.open(service)
    await post(service, SEND, FORM_BODY, FORM)
    assert await client.line() == ["update_store", "user", {"id": "1", "age": "5"}, "function"]
    await client.close()


async def test_in_a_room_of_several_users_the_callback_is_undefined(service: Service) -> None:
    client = await ReadmeClient.open(service)
    await post(service, SEND, JSON_BODY.replace('"user_1", ', ""), JSON)
    assert await client.line() == ["update_store", "user", {"id": 1, "age": 5}, "undefined"]
    await client.close()


async def test_the_batch_handler_gets_what_was_missed_and_its_callback_removes_it(
    service: Service,
) -> None:
    await post(service, SEND, JSON_BODY, JSON)
    await post(service, SEND, FORM_BODY, FORM)
    client = await ReadmeClient.open(service)
    assert await client.line() == ["batch", 2]
    assert await client.line() == ["update_store", "user", {"id": 1, "age": 5}, "undefined"]
    assert await client.line() == ["update_store", "user", {"id": "1", "age": "5"}, "undefined"]
    await client.close()
    await post(service, SEND, JSON_BODY.replace("5", "7"), JSON)
    again = await ReadmeClient.open(service)
    assert await again.line() == ["batch", 1]
    assert await again.line() == ["update_store", "user", {"id": 1, "age": 7}, "undefined"]
    await again.close()


async def test_the_callback_of_a_live_message_removes_it(service: Service) -> None:
    client = await ReadmeClient.open(service)
    await post(service, SEND, JSON_BODY, JSON)
    assert await client.line() == ["update_store", "user", {"id": 1, "age": 5}, "function"]
    await client.close()
    again = await ReadmeClient.open(service)
    await post(service, SEND, JSON_BODY.replace("5", "8"), JSON)
    heard = await again.line()
    if heard == ["batch", 1]:
        heard = await again.line()
    assert heard[:3] == ["update_store", "user", {"id": 1, "age": 8}]
    await again.close()


async def test_the_resync_handler_is_called_when_a_callback_was_left_out(
    service: Service, node: NodeProcess
) -> None:
    """The page hangs while another tab of the same user leaves the first callback out."""
    client = await ReadmeClient.open(service)
    tab = node.open(service.namespace(token=TOKEN), withhold_acks=True)
    await tab.next("connect")
    client.process.send_signal(signal.SIGSTOP)
    for _ in range(2):
        await post(service, SEND_WITH_RESYNC, JSON_BODY, JSON)
    message = stored("update_store", "user", {"id": 1, "age": 5})
    events = await tab.events(2)
    assert events == [message, message]
    tab.ack(events[1])
    assert (await tab.event()).name == "resync"
    client.process.send_signal(signal.SIGCONT)
    for _ in range(2):
        assert (await client.line())[0] == "update_store"
    assert await client.line() == ["resync"]
    assert await client.line() is None  # the page is left
    await client.close()
