"""The service's own events: their names for clients of early and of later Node versions."""

import asyncio
from typing import Any

import pytest

from tests.e2e.conftest import Connect, Run
from tests.e2e.events import batch, broadcast, stored
from tests.e2e.installing import LATER_KEY
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User

KEYS = {"newsite": "54321", "latersite": LATER_KEY}
RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "error"]
RESERVED += ["newListener", "removeListener"]
SETTINGS = broadcast("_settings", {"device_ttl": 3600})


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    user = fake_site.new_user()
    fake_site.knows(user.token, [user.room, f"all_{user.room}"])
    return user


async def send_later(service: Service, room: str, event: str, *args: Any, **query: str) -> None:
    await service.send(room, event, *args, site="latersite", key=LATER_KEY, **query)


async def hears_nothing_else(client: NodeClient, service: Service, user: User) -> bool:
    await send_later(service, f"all_{user.room}", "marker")
    return await client.event() == broadcast("marker")


async def test_prefixed_settings_come_first_on_each_connect(
    connect: Connect, service: Service, user: User
) -> None:
    await send_later(service, user.room, "hello")
    client = await connect(user, site="latersite")
    assert await client.event() == SETTINGS
    assert await client.event() == stored("_batch", [["hello"]])
    await client.disconnect()
    client.connect()
    assert await client.event() == SETTINGS
    assert await hears_nothing_else(client, service, user)


async def test_device_ttl_in_the_settings_is_the_configured_client_ttl(
    run: Run, node: NodeProcess, user: User
) -> None:
    service = await run(client_ttl=7)
    client = node.open(service.namespace("latersite", token=user.token))
    assert await client.event() == broadcast("_settings", {"device_ttl": 7})


async def test_a_site_without_the_prefix_sends_no_settings(
    connect: Connect, service: Service, user: User
) -> None:
    await service.send(user.room, "hello")
    client = await connect(user)
    assert await client.event() == batch(["hello"])
    await service.send(f"all_{user.room}", "marker")
    assert await client.event() == broadcast("marker")


async def test_a_prefixed_resync_comes_under_its_name_and_has_its_reason(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, site="latersite", withhold_acks=True)
    assert await client.event() == SETTINGS
    for number in range(2):
        await send_later(service, user.room, "update", number, resync="true")
    _, second = await client.events(2)
    client.ack(second)
    assert await client.event() == broadcast("_resync", {"reason": "out_of_order"})
    assert await hears_nothing_else(client, service, user)


@pytest.mark.parametrize("name", ["batch", "resync", "settings"])
async def test_where_system_events_are_prefixed_the_plain_names_are_the_sites_own(
    name: str, connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, site="latersite")
    assert await client.event() == SETTINGS
    await send_later(service, user.room, name, 1)
    assert await client.event() == stored(name, 1)
    await send_later(service, f"all_{user.room}", name, 1)
    assert await client.event() == broadcast(name, 1)


@pytest.mark.parametrize("name", ["_batch", "_resync", "_settings"])
async def test_where_they_are_not_the_prefixed_names_are_the_sites_own(
    name: str, connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    await service.send(user.room, name, 1)
    assert await client.event() == stored(name, 1)


@pytest.mark.parametrize(
    ("site", "event"),
    [
        *(("newsite", name) for name in ["batch", "resync", *RESERVED]),
        *(("latersite", name) for name in ["_batch", "_resync", "_settings", *RESERVED]),
    ],
)
async def test_reserved_names_are_refused_and_reach_nobody(
    site: str, event: str, connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, site=site)
    if site == "latersite":
        assert await client.event() == SETTINGS
    query = {"site": site, "apiKey": KEYS[site]}
    body = {"rooms": [user.room, f"all_{user.room}"], "event": event}
    async with service.http.post("/send", params=query, json=body) as response:
        assert response.status == 400
        error = (await response.json())["error"]
    assert error["code"] == "reserved_event"
    assert event in error["message"]
    await service.send(user.room, "marker", site=site, key=KEYS[site])
    assert await client.event() == stored("marker")
    assert not client.has_heard("disconnect")


async def test_two_kinds_of_site_on_one_transport_each_get_their_own_names(
    node: NodeProcess, service: Service, user: User
) -> None:
    await service.send(user.room, "hello")
    await send_later(service, user.room, "hello")
    auth = {"token": user.token}
    plain, prefixed = (
        node.open(service.namespace(site), auth=auth, forceNew=False)
        for site in ("newsite", "latersite")
    )
    heard = await asyncio.gather(plain.event(), prefixed.events(2))
    assert heard[0] == batch(["hello"])
    assert heard[1] == [SETTINGS, stored("_batch", [["hello"]])]
