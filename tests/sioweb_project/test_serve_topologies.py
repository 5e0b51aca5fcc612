"""`manage.py serve` on each kind of Redis: it starts, is ready, stores, and says when it cannot."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.service import MANAGE, PROJECT, Installation, Service
from tests.e2e.waiting import until
from tests.redis_process import FAILOVER_SECONDS, PASSWORD
from tests.redis_topologies import SENTINEL_PASSWORD, TOPOLOGIES, Topology, require_redis

SITES = {
    "newsite": {
        "authUrl": "http://127.0.0.1:1/",
        "apiKey": "54321",
        "userRoomPrefix": "user_",
    }
}
KEY = "sioweb:{newsite/user_1}:room"
USER = re.compile(r"^user (sioweb) on >password (.*)$", re.MULTILINE)


@pytest_asyncio.fixture(params=TOPOLOGIES)
async def topology(request: pytest.FixtureRequest) -> AsyncIterator[Topology]:
    require_redis()
    async with TOPOLOGIES[request.param]() as topology:
        yield topology


@pytest_asyncio.fixture
async def service(topology: Topology, tmp_path: Path) -> AsyncIterator[Service]:
    config = {"redis": {"url": topology.url}}
    service = await Installation.create(tmp_path / "service", SITES, config).start()
    yield service
    await service.stop()


async def is_ready(service: Service) -> bool:
    async with service.http.get("/readyz") as response:
        return response.status == 200


async def is_stored(service: Service) -> bool:
    """Whether a message for a user room is taken; what is not taken is answered with 503."""
    query = {"site": "newsite", "apiKey": "54321"}
    message = {"rooms": ["user_1", "staff"], "event": "greet", "args": []}
    async with service.http.post("/send", params=query, json=message) as response:
        assert response.status in (200, 503)
        return response.status == 200


async def test_service_starts_stores_and_survives_a_killed_master(
    topology: Topology, service: Service
) -> None:
    await until(lambda: is_ready(service), "the service is ready")
    assert await is_stored(service)
    await topology.kill_master(KEY)
    assert not await is_stored(service)
    assert not await is_ready(service)
    if hasattr(topology, "server"):
        await topology.bring_back()
    await until(lambda: is_ready(service), "the service is ready again", FAILOVER_SECONDS)
    await until(lambda: is_stored(service), "a message is taken again", FAILOVER_SECONDS)


async def test_service_that_finds_no_redis_says_so_in_one_line(
    topology: Topology, tmp_path: Path
) -> None:
    await topology.kill_all()
    config = {"redis": {"url": topology.url}}
    installation = Installation.create(tmp_path / "service", SITES, config)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        MANAGE,
        *("serve", "--port", "0"),
        env=installation.environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    _, output = await asyncio.wait_for(process.communicate(), FAILOVER_SECONDS)
    assert process.returncode
    last_line = output.decode().splitlines()[-1]
    assert last_line.startswith("CommandError: Redis is out of reach: ")
    for secret in (PASSWORD, SENTINEL_PASSWORD, "Traceback"):
        assert secret not in output.decode()


def documented_user() -> tuple[str, list[str]]:
    """Return its name and rights."""
    found = USER.search((PROJECT / "docs" / "configuration.md").read_text())
    assert found
    return found[1], found[2].split()


async def test_rights_that_the_documentation_names_are_enough(
    topology: Topology, tmp_path: Path
) -> None:
    name, rights = documented_user()
    for server in topology.servers:
        await server.command("ACL", "SETUSER", name, "on", f">{PASSWORD}", *rights)
    config = {"redis": {"url": topology.url.replace("://:", f"://{name}:", 1)}}
    service = await Installation.create(tmp_path / "service", SITES, config).start()
    try:
        await use(service)
    finally:
        await service.stop()
    for server in topology.servers:
        assert await server.command("ACL", "LOG") == []


async def use(service: Service) -> None:
    answer = await service.send(["user_1", "staff"], "greet", 1)
    for path in (f"/messages/{answer['id']}", "/presence", "/readyz"):
        query = {"site": "newsite", "apiKey": "54321", "room": "user_1"}
        async with service.http.get(path, params=query) as response:
            assert response.status == 200, path
    _, report = await service.installation.doctor()
    assert "redis memory" in {each["subject"] for each in report["findings"]}
