"""A site with `reauthSeconds`: its connected clients follow what its authUrl says of them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.e2e.conftest import Connect
from tests.e2e.events import batch, broadcast, stored
from tests.e2e.installing import install, running, site_entries
from tests.e2e.node_client import NodeProcess
from tests.e2e.redis_view import is_offline
from tests.e2e.service import Service
from tests.e2e.site import Answer, FakeSite, User
from tests.e2e.waiting import until

REAUTH_SECONDS = 1


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    sites = site_entries(fake_site)
    sites["newsite"] |= {"reauthSeconds": REAUTH_SECONDS}
    folder = tmp_path_factory.mktemp("service") / "reauth"
    async with running(install(folder, sites, {})) as service:
        yield service
        assert not [line for line in service.output if "token-" in line]


async def is_asked_again(fake_site: FakeSite, user: User) -> None:
    """Wait until an answer that begins from now on has been given, and the one before it."""
    asked = len(fake_site.calls_of(user.token))

    async def twice() -> bool:
        return len(fake_site.calls_of(user.token)) >= asked + 2

    await until(twice, f"{user.token} is asked for again")


async def test_client_joins_and_leaves_rooms_as_its_site_says(
    connect: Connect, service: Service, fake_site: FakeSite, redis: Redis
) -> None:
    user, other = fake_site.new_user("staff"), fake_site.new_user()
    client = await connect(user)
    await service.send("staff", "for staff")
    assert await client.event() == broadcast("for staff")
    await service.send(other.room, "waits")

    fake_site.knows(user.token, [other.room, "guests"])
    assert await client.event() == batch(["waits"])
    await service.send(other.room, "live")
    assert await client.event() == stored("live")
    await service.send(["staff", user.room], "not for them any more")
    await service.send("guests", "for guests")
    assert await client.event() == broadcast("for guests")
    assert await is_offline(redis, user)
    assert not client.has_heard("disconnect")


async def test_client_that_is_no_longer_welcome_is_disconnected_until_its_page_connects_again(
    connect: Connect, node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user("staff")
    client = await connect(user)
    fake_site.answers(user.token, Answer(401))
    assert (await client.next("disconnect"))["reason"] == "io server disconnect"
    fake_site.knows(user.token, [user.room])
    node.write({"command": "connect", "client": client.name})
    await client.next("connect")


async def test_client_stays_in_its_rooms_while_the_site_is_down(
    connect: Connect, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user("staff")
    client = await connect(user)
    fake_site.answers(user.token, Answer(503))
    await is_asked_again(fake_site, user)
    await service.send("staff", "still there")
    assert await client.event() == broadcast("still there")
    fake_site.knows(user.token, ["guests"])
    await is_asked_again(fake_site, user)
    await service.send("guests", "moved")
    assert await client.event() == broadcast("moved")
    assert not client.has_heard("disconnect")


async def test_site_without_it_is_asked_once(
    connect: Connect, service: Service, fake_site: FakeSite
) -> None:
    user, once = fake_site.new_user(), fake_site.new_user()
    await connect(once, site="othersite")
    await connect(user)
    await is_asked_again(fake_site, user)
    assert len(fake_site.calls_of(once.token)) == 1
