"""Two sites with the same rooms, tokens and devices have nothing to do with each other."""

import pytest
from redis.asyncio import Redis

from tests.e2e.conftest import Connect
from tests.e2e.events import batch, broadcast, resync, stored
from tests.e2e.installing import OTHER_KEY
from tests.e2e.node_client import NodeProcess
from tests.e2e.redis_view import waiting
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until

KEYS = {"newsite": "54321", "othersite": OTHER_KEY}
BOTH_WAYS = pytest.mark.parametrize(
    ("site", "other"), [("newsite", "othersite"), ("othersite", "newsite")]
)


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    """Whom both sites know by the same token, in the same rooms."""
    user = fake_site.new_user()
    fake_site.knows(user.token, [user.room, f"all_{user.room}"])
    return user


async def send(service: Service, site: str, room: str, event: str, **query: str) -> None:
    await service.send(room, event, site=site, key=KEYS[site], **query)


@BOTH_WAYS
@pytest.mark.parametrize("device", ["", "phone"])
async def test_live_messages_stay_within_their_site(
    site: str, other: str, device: str, connect: Connect, service: Service, user: User
) -> None:
    inside = await connect(user, device, site=site)
    outside = await connect(user, device, site=other)
    shared = f"all_{user.room}"
    await send(service, site, user.room, "stored")
    await send(service, site, shared, "broadcast")
    for marking in (site, other):
        await send(service, marking, user.room, "marker")
        await send(service, marking, shared, "marker")
    heard = await inside.events(4)
    assert sorted(event.name for event in heard) == ["broadcast", "marker", "marker", "stored"]
    assert [event.name for event in await outside.events(2)] == ["marker", "marker"]


async def test_two_sites_on_one_transport_hear_their_own(
    node: NodeProcess, service: Service, user: User
) -> None:
    first, second = (
        node.open(service.namespace(site), auth={"token": user.token}, forceNew=False)
        for site in KEYS
    )
    await first.next("connect")
    await second.next("connect")
    await send(service, "newsite", user.room, "hello")
    await send(service, "othersite", user.room, "marker")
    assert await second.event() == stored("marker")
    assert await first.event() == stored("hello")


@BOTH_WAYS
async def test_what_waits_waits_at_its_own_site(
    site: str, other: str, connect: Connect, service: Service, user: User
) -> None:
    await send(service, site, user.room, "hello")
    outside = await connect(user, site=other)
    await send(service, other, user.room, "marker")
    assert await outside.event() in (stored("marker"), batch(["marker"]))
    assert await (await connect(user, site=site)).event() == batch(["hello"])


async def test_an_ack_removes_nothing_of_the_other_site(
    connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    for site in KEYS:
        await send(service, site, user.room, "hello")
    assert await (await connect(user)).event() == batch(["hello"])

    async def is_removed() -> bool:
        return await waiting(redis, user, site="newsite") == 0

    await until(is_removed, "the ack has removed the message")
    assert await waiting(redis, user, site="othersite") == 1
    assert await (await connect(user, site="othersite")).event() == batch(["hello"])


async def test_a_resync_concerns_its_own_site_only(
    connect: Connect, service: Service, user: User
) -> None:
    clients = [await connect(user, site=site, withhold_acks=True) for site in KEYS]
    for site in KEYS:
        for _ in range(2):
            await send(service, site, user.room, "update", resync="true")
    [_, second], _ = [await client.events(2) for client in clients]
    inside, outside = clients
    inside.ack(second)
    assert await inside.event() == resync("out_of_order")
    await send(service, "othersite", f"all_{user.room}", "marker")
    assert await outside.event() == broadcast("marker")
    again = await connect(user, site="othersite")
    assert await again.event() == batch(["update"], ["update"])


@BOTH_WAYS
async def test_a_key_opens_its_own_site_only(
    site: str, other: str, connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, site=other)
    query = {"site": other, "apiKey": KEYS[site]}
    body = {"rooms": user.room, "event": "forged"}
    async with service.http.post("/send", params=query, json=body) as response:
        assert response.status == 401
        assert (await response.json())["error"]["message"] == "ApiKey invalid."
    await send(service, other, user.room, "marker")
    assert await client.event() == stored("marker")


async def test_the_same_idempotency_key_at_two_sites_is_two_messages(
    connect: Connect, service: Service, user: User
) -> None:
    clients = {site: await connect(user, site=site) for site in KEYS}
    ids = set()
    for site, key in KEYS.items():
        for _ in range(2):
            async with service.http.post(
                "/send",
                params={"site": site, "apiKey": key},
                json={"rooms": user.room, "event": f"of_{site}"},
                headers={"Idempotency-Key": user.token},
            ) as response:
                ids.add((await response.json())["id"])
        await send(service, site, user.room, "marker")
    assert len(ids) == 2
    for site, client in clients.items():
        assert await client.events(2) == [stored(f"of_{site}"), stored("marker")]


@BOTH_WAYS
async def test_only_the_site_that_the_client_connects_to_is_asked(
    site: str, other: str, connect: Connect, user: User, fake_site: FakeSite
) -> None:
    await connect(user, site=site)
    assert [call.path for call in fake_site.calls_of(user.token)] == [f"/{site}"]
    await connect(user, site=other)
    assert [call.path for call in fake_site.calls_of(user.token)] == [f"/{site}", f"/{other}"]
