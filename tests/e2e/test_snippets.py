"""The admin's code to copy, run as it is against a running service."""

import asyncio
import shutil
import sys

import pytest

from sites.models import Site
from sites.snippets import snippets
from tests.e2e.conftest import Connect
from tests.e2e.events import stored
from tests.e2e.node_client import FOLDER, require_node
from tests.e2e.service import Service
from tests.e2e.site import FakeSite
from tests.e2e.waiting import WAIT_SECONDS
from tests.needs import missing

COMMANDS = {
    "curl": ["sh", "-c"],
    "Python": [sys.executable, "-c"],
    "Node": ["node", "--input-type=module", "-e"],
    "PHP": ["php", "-r"],
    "Ruby": ["ruby", "-e"],
}
RESEND_SECONDS = 0.2
ALWAYS_THERE = ("curl", "Python", "Node")  # where these tests run at all


def require(title: str) -> None:
    program = "curl" if title == "curl" else COMMANDS[title][0]
    if shutil.which(program) is None and title not in ALWAYS_THERE:
        missing(program)


@pytest.mark.parametrize("title", COMMANDS)
async def test_the_code_sends_a_message_that_arrives(
    title: str, service: Service, connect: Connect, fake_site: FakeSite
) -> None:
    require(title)
    prefix, user = f"user_{title}-", fake_site.new_user()
    fake_site.knows(user.token, [f"{prefix}1"])  # the room that the code sends to
    client = await connect(user)
    output = await run(title, code(title, service, prefix))
    assert "ok" in output
    assert await client.event() == stored("update_store", "user", {"id": 1})


async def test_a_browser_with_the_code_gets_messages(service: Service, fake_site: FakeSite) -> None:
    require_node()
    user = fake_site.new_user()
    process = await asyncio.create_subprocess_exec(
        *COMMANDS["Node"],
        code("Browser", service, "user_", token=user.token),
        stdout=asyncio.subprocess.PIPE,
        cwd=FOLDER,
    )
    try:
        assert process.stdout is not None
        line = asyncio.create_task(process.stdout.readline())
        async with asyncio.timeout(WAIT_SECONDS):
            while not line.done():  # what was sent before it connected is not for it
                await service.send(user.room, "update_store", "user", {"id": 1})
                await asyncio.wait([line], timeout=RESEND_SECONDS)
        assert line.result() == b"user { id: 1 }\n"
    finally:
        process.kill()
        await process.wait()


def code(title: str, service: Service, prefix: str, token: str = "") -> str:
    """What the page shows of `newsite`, with a key in the placeholder's place."""
    site = Site(name="newsite", auth_url="", user_room_prefix=prefix)
    codes = {each.title: each.text for each in snippets(site, service.url, "54321", token)}
    return codes[title]


async def run(title: str, code: str) -> str:
    """Run the code as a reader would; return what it prints."""
    if title == "PHP":
        code = code.removeprefix("<?php")
    process = await asyncio.create_subprocess_exec(
        *COMMANDS[title],
        code,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), WAIT_SECONDS)
    assert process.returncode == 0, errors.decode()
    return output.decode()
