"""Limits and origins, as those meet them who are limited: one service, several strangers.

All come by a proxy that is trusted, so that each may have an address of its own.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from multidict import CIMultiDictProxy

from tests.e2e.installing import OTHER_KEY, install, running, site_entries
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.service import Service
from tests.e2e.site import FakeSite
from tests.e2e.waiting import until

PAGE, SUBDOMAIN, FOREIGN = "https://newsite.com", "https://shop.newsite.com", "https://evil.com"
POLLING = "/socket.io/?EIO=4&transport=polling"
AT_ONCE = 5  # messages of newsite
FAILED_KEYS = 4
CONNECTIONS = 2  # from one address
MESSAGE = {"rooms": "user_1", "event": "hello"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    sites = site_entries(fake_site)
    sites["newsite"] |= {
        "allowedOrigins": [PAGE, "https://*.newsite.com"],
        "limits": {"sends_per_second": 1, "sends_at_once": AT_ONCE},
    }
    limits = {"failed_keys": FAILED_KEYS, "connections_per_address": CONNECTIONS}
    config = {"trusted_proxies": ["127.0.0.1"], "limits": limits | {"query_bytes": 2000}}
    folder: Path = tmp_path_factory.mktemp("limits") / "service"
    async with running(install(folder, sites, config)) as service:
        yield service


async def send(
    service: Service, site: str = "newsite", key: str = "54321", address: str = "203.0.113.1"
) -> tuple[int, CIMultiDictProxy[str]]:
    query, headers = {"site": site, "apiKey": key}, {"X-Forwarded-For": address}
    async with service.http.post("/send", params=query, json=MESSAGE, headers=headers) as answer:
        return answer.status, answer.headers


async def test_a_site_past_its_rate_waits_and_others_do_not(service: Service) -> None:
    answers = [await send(service) for _ in range(AT_ONCE + 5)]
    statuses = [status for status, _ in answers]
    assert statuses[:AT_ONCE] == [200] * AT_ONCE
    assert 429 in statuses
    _, headers = answers[statuses.index(429)]
    assert headers["Retry-After"] == "1"
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == (str(AT_ONCE), "0")
    assert (await send(service, "othersite", OTHER_KEY))[0] == 200

    async def is_accepted() -> bool:
        return (await send(service))[0] == 200

    await until(is_accepted, "the site may send again")


async def test_guessing_keys_ends(service: Service) -> None:
    guesser, other = "203.0.113.2", "203.0.113.3"
    tries = [send(service, "othersite", f"guess-{i}", guesser) for i in range(FAILED_KEYS + 5)]
    statuses = [status for status, _ in await asyncio.gather(*tries)]
    assert statuses.count(401) in (FAILED_KEYS, FAILED_KEYS + 1)  # one a second is forgiven
    assert statuses.count(429) >= 4
    assert (await send(service, "othersite", OTHER_KEY, other))[0] == 200


def open_from(
    node: NodeProcess, service: Service, token: str, address: str, **options: Any
) -> NodeClient:
    headers = {"X-Forwarded-For": f"1.1.1.1, {address}"} | options.pop("headers", {})
    site = options.pop("site", "othersite")
    auth = {"token": token}
    return node.open(service.namespace(site), auth=auth, extraHeaders=headers, **options)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_one_address_has_so_many_connections_and_gets_in_when_one_ends(
    service: Service, node: NodeProcess, fake_site: FakeSite, transport: str
) -> None:
    token = fake_site.new_user().token
    address = f"203.0.113.{len(transport)}"
    options: dict[str, Any] = {"transports": [transport], "reconnectionDelay": 100}
    clients = [open_from(node, service, token, address, **options) for _ in range(CONNECTIONS)]
    for client in clients:
        await client.next("connect")
    third = open_from(node, service, token, address, **options)
    await third.next("connect_error")
    other = open_from(node, service, token, "203.0.113.99", **options)
    await other.next("connect")
    await clients[0].disconnect()
    await third.next("connect")


async def test_only_pages_of_the_site_get_into_its_namespace(
    service: Service, node: NodeProcess, fake_site: FakeSite
) -> None:
    token = fake_site.new_user().token
    for number, page in enumerate((PAGE, SUBDOMAIN)):
        options: dict[str, Any] = {"site": "newsite", "headers": {"Origin": page}}
        client = open_from(node, service, token, f"203.0.113.2{number}", **options)
        await client.next("connect")
    options = {"site": "newsite", "headers": {"Origin": FOREIGN}}
    error = await open_from(node, service, token, "203.0.113.22", **options).next("connect_error")
    assert (error["message"], error["data"]) == ("Origin not allowed", {"code": 403})


async def test_polling_from_a_page_is_answered_as_browsers_want_it(service: Service) -> None:
    asked = {"Origin": FOREIGN, "Access-Control-Request-Headers": "x-own"}
    async with service.http.options(POLLING, headers=asked) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == FOREIGN
        assert answer.headers["Vary"] == "Origin"


async def test_too_long_a_head_or_query_is_refused(service: Service) -> None:
    async with service.http.get("/healthcheck", params={"x": "x" * 2001}) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (414, "query_too_long")
    long_poll, page = f"{POLLING}&x={'x' * 2001}", {"Origin": PAGE}
    async with service.http.get(long_poll, headers=page) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (414, PAGE)
    async with service.http.get("/healthcheck", headers={"X-Long": "x" * 17_000}) as answer:
        assert answer.status == 431
