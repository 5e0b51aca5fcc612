"""The user of Redis that the documentation gives the service: it needs no more rights."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.service import MANAGE, PROJECT, Installation, Service
from tests.e2e.waiting import WAIT_SECONDS
from tests.redis_process import PASSWORD, RedisProcess
from tests.redis_topologies import TOPOLOGIES, require_redis

USER = re.compile(r"^user (sioweb) on >password (.*)$", re.MULTILINE)
SITES = {
    "newsite": {"authUrl": "http://127.0.0.1:1/", "apiKey": "54321", "userRoomPrefix": "user_"}
}


def documented_user() -> tuple[str, list[str]]:
    """Return its name and rights."""
    found = USER.search((PROJECT / "docs" / "configuration.md").read_text())
    assert found
    return found[1], found[2].split()


def servers_of(topology: Any) -> list[RedisProcess]:
    for name in ("nodes", "servers"):
        if hasattr(topology, name):
            return list(getattr(topology, name))
    return [topology.server]


@pytest_asyncio.fixture(params=TOPOLOGIES)
async def servers(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, list[RedisProcess]]]:
    """The URL for the user, and the servers that know it."""
    require_redis()
    name, rights = documented_user()
    async with TOPOLOGIES[request.param]() as topology:
        for server in servers_of(topology):
            await server.command("ACL", "SETUSER", name, "on", f">{PASSWORD}", *rights)
        yield topology.url.replace("://:", f"://{name}:", 1), servers_of(topology)


async def test_documented_rights_are_enough(
    servers: tuple[str, list[RedisProcess]], tmp_path: Path
) -> None:
    url, processes = servers
    config = {"redis": {"url": url}}
    service = await Installation.create(tmp_path / "service", SITES, config).start()
    try:
        await use(service)
    finally:
        await service.stop()
    assert [await server.command("ACL", "LOG") for server in processes] == [[]] * len(processes)


async def use(service: Service) -> None:
    answer = await service.send(["user_1", "staff"], "greet", 1)
    for path in (f"/messages/{answer['id']}", "/presence", "/readyz"):
        query = {"site": "newsite", "apiKey": "54321", "room": "user_1"}
        async with service.http.get(path, params=query) as response:
            assert response.status == 200, path
    doctor = await asyncio.create_subprocess_exec(
        sys.executable, MANAGE, "doctor", "--json",
        env=service.installation.environment(),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(doctor.communicate(), 2 * WAIT_SECONDS)
    assert "redis memory" in {each["subject"] for each in json.loads(output)["findings"]}
