"""Installations of both generations of the Node service, imported; their pages work as they are,
with today's client library."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.e2e.installing import redis_url, running
from tests.e2e.service import Installation, Service
from tests.e2e.site import Answer, FakeSite
from tests.e2e.test_seed_examples import ReadmeClient
from tests.e2e.waiting import WAIT_SECONDS, until

EXAMPLES = Path(__file__).parent / "node_installations"
TOKEN = "12345"
# Databases of Redis that nothing else of these tests uses: the examples name no prefix.
REDIS_DATABASES = {"early": 14, "later": 15}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site() -> AsyncIterator[FakeSite]:
    site = await FakeSite.start()
    site.knows(TOKEN, ["user_1", "staff"])
    site.answers("", Answer())  # the call of updateUserUrl brings no token
    yield site
    await site.close()


@asynccontextmanager
async def moved(generation: str, site: FakeSite, folder: Path) -> AsyncIterator[Service]:
    """The service on what `import_node` has made of the example, on this machine's addresses."""
    for file in sorted((EXAMPLES / generation).rglob("*.yml")):
        copy = folder / "node" / file.relative_to(EXAMPLES / generation)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text().replace("http://newsite.com", site.url("").rstrip("/"))
        copy.write_text(text)
    redis = {"SIOWEB_REDIS_URL": f"{redis_url()}?db={REDIS_DATABASES[generation]}"}
    installation = Installation(folder / "ours", redis)
    await installation.manage("import_node", str(folder / "node"))
    async with running(installation) as service:
        yield service


async def post(service: Service, query: str, rooms: list[str], entity: dict[str, Any]) -> None:
    body = json.dumps({"rooms": rooms, "event": "update_store", "args": ["user", entity]})
    headers = {"Content-Type": "application/json"}
    async with service.http.post(f"/send?{query}", data=body, headers=headers) as response:
        assert response.status == 200, await response.text()


async def test_an_early_installation_and_its_page(site: FakeSite, tmp_path: Path) -> None:
    query = "site=newsite&apiKey=54321&resync=false"
    async with moved("early", site, tmp_path) as service:
        await post(service, query, ["user_1", "staff"], {"id": 1})
        page = await ReadmeClient.open(service)
        assert await page.line() == ["batch", 1]
        assert await page.line() == ["update_store", "user", {"id": 1}, "undefined"]
        await post(service, query, ["user_1"], {"id": 2})
        assert await page.line() == ["update_store", "user", {"id": 2}, "function"]
        await post(service, query, ["staff"], {"id": 3})
        assert await page.line() == ["update_store", "user", {"id": 3}, "undefined"]
        await page.close()
        assert site.calls_of(TOKEN)[-1].headers["Authorization"] == "Bearer 12345"


async def test_a_later_installation_and_its_page(site: FakeSite, tmp_path: Path) -> None:
    query = "site=latershop&apiKey=1e6c0ffee&resync=true"
    async with moved("later", site, tmp_path) as service:
        url = f"{service.url}/latershop?token={TOKEN}&deviceId=phone"
        await post(service, query, ["user_1"], {"id": 1})
        page = await ReadmeClient.run("later_client.js", url)
        assert await page.line() == ["_settings", {"device_ttl": 86400}]
        assert await page.line() == ["_batch", 1]
        assert await page.line() == ["update_store", "user", {"id": 1}, "undefined"]
        await is_told_who_came(site)
        await post(service, query, ["user_1", "staff"], {"id": 2})
        assert await page.line() == ["update_store", "user", {"id": 2}, "function"]
        await post(service, query, ["staff"], {"id": 3})
        assert await page.line() == ["update_store", "user", {"id": 3}, "undefined"]
        for entity in ({"id": 4, "broken": True}, {"id": 5}):
            await post(service, query, ["user_1"], entity)
            assert await page.line() == ["update_store", "user", entity, "function"]
        assert await page.line() == ["_resync"]
        await asyncio.wait_for(page.process.wait(), WAIT_SECONDS)
        assert site.calls_of(TOKEN)[-1].headers["Authorization"] == "Token 12345"


async def is_told_who_came(site: FakeSite) -> None:
    """`updateUserUrl` is called as Node called it."""

    async def has_come() -> bool:
        calls = [call for call in site.calls if call.method == "PUT"]
        return [(each.path, json.loads(each.body)["id"]) for each in calls] == [("/users/1", "1")]

    await until(has_come, "the site is told that user 1 has come")
