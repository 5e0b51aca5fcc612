"""How long messages are kept: `client_ttl` seconds after their client went offline."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import yaml
from redis.asyncio import Redis

from tests.e2e.conftest import Connect, Run
from tests.e2e.events import batch, stored
from tests.e2e.installing import install, running, site_entries
from tests.e2e.node_client import NodeProcess
from tests.e2e.redis_view import is_offline, keys_of, waiting
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until

TTL_SECONDS = 1
# Keys with a time of their own: a lease, what an Idempotency-Key has done, figures, receipts.
SHORT_LIVED = (
    ":generator:",
    ":holders:",
    ":once:",
    ":idempotency:",
    ":{statistics}:",
    ":{receipts/",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service") / "forgetful"
    config = {"client_ttl": TTL_SECONDS}
    async with running(install(folder, site_entries(fake_site), config)) as service:
        yield service


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    return fake_site.new_user()


async def gone(redis: Redis, user: User) -> None:
    async def has_no_keys() -> bool:
        return not await keys_of(redis, user)

    await until(has_no_keys, f"no key of {user.room} is left")


async def a_ttl_passes(service: Service, fake_site: FakeSite, redis: Redis) -> None:
    """Somebody else's message, sent now and never fetched, is the clock."""
    stranger = fake_site.new_user()
    assert (await service.send(stranger.room, "tick"))["queued"] == 1
    await gone(redis, stranger)


async def keys_of_service(redis: Redis, service: Service) -> list[str]:
    config = yaml.safe_load((service.installation.config_dir / "config.yml").read_text())
    prefix = config["production"]["redis"]["prefix"]
    return [key async for key in redis.scan_iter(match=f"{prefix}[:.]*")]


async def use_everything(service: Service, node: NodeProcess, user: User) -> None:
    """Let every kind of key come into being: queues, devices, leases, idempotency, resync."""
    await service.send(user.room, "early")
    auth = {"token": user.token}
    staying = node.open(service.namespace(), withhold_acks=True, auth=auth)
    await staying.event()
    phone = node.open(service.namespace(), withhold_acks=True, auth=auth | {"deviceId": "phone"})
    await phone.next("connect")
    events = []
    for name in ("first", "second"):
        await idempotent_send(service, user, name)
        events.append(await staying.event())
        await phone.event()
    await phone.disconnect()
    staying.ack(events[1])
    assert (await staying.event()).name == "resync"
    await service.send(user.room, "late")
    await staying.event()


async def idempotent_send(service: Service, user: User, name: str) -> None:
    async with service.http.post(
        "/send",
        params={"site": "newsite", "apiKey": "54321", "resync": "true"},
        json={"rooms": user.room, "event": "update", "args": [name]},
        headers={"Idempotency-Key": f"{user.token}-{name}"},
    ) as response:
        assert response.status == 200


async def test_what_nobody_fetched_is_gone_after_client_ttl(
    service: Service, user: User, redis: Redis, connect: Connect
) -> None:
    assert (await service.send(user.room, "hello"))["queued"] == 1
    await gone(redis, user)
    client = await connect(user)
    await service.send(user.room, "marker")
    assert await client.event() in (stored("marker"), batch(["marker"]))


async def test_while_the_client_is_connected_its_messages_stay(
    connect: Connect, service: Service, user: User, redis: Redis, fake_site: FakeSite
) -> None:
    client = await connect(user, withhold_acks=True)
    await service.send(user.room, "hello")
    assert await client.event() == stored("hello")
    await a_ttl_passes(service, fake_site, redis)
    assert await waiting(redis, user) == 1
    assert await (await connect(user)).event() == batch(["hello"])


async def test_the_time_runs_from_when_the_client_went_offline(
    connect: Connect, service: Service, user: User, redis: Redis, fake_site: FakeSite
) -> None:
    client = await connect(user, withhold_acks=True)
    await service.send(user.room, "hello")
    await client.event()
    await a_ttl_passes(service, fake_site, redis)
    clock = asyncio.get_running_loop().time
    left_at = clock()
    await client.disconnect()
    await gone(redis, user)
    assert TTL_SECONDS * 0.9 < clock() - left_at < TTL_SECONDS * 5
    again = await connect(user)
    await service.send(user.room, "marker")
    assert await again.event() in (stored("marker"), batch(["marker"]))


async def test_a_second_tab_keeps_the_device_online(
    connect: Connect, service: Service, user: User, redis: Redis, fake_site: FakeSite
) -> None:
    staying = await connect(user, withhold_acks=True)
    leaving = await connect(user, withhold_acks=True)
    await service.send(user.room, "hello")
    assert await staying.event() == await leaving.event() == stored("hello")
    await leaving.disconnect()
    await a_ttl_passes(service, fake_site, redis)
    assert await waiting(redis, user) == 1
    await staying.disconnect()
    await gone(redis, user)


async def test_a_device_that_was_away_too_long_is_forgotten(
    connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    client = await connect(user, "phone")
    await service.send(user.room, "hello")
    assert await client.event() == stored("hello")
    await client.disconnect()
    await gone(redis, user)
    await connect(user, "tablet", withhold_acks=True)
    await service.send(user.room, "later")
    queues = [key for key in await keys_of(redis, user) if ":queue:" in key]
    assert [key.rpartition(":")[2] for key in queues] == ["tablet"]


async def test_every_key_has_an_end(run: Run, node: NodeProcess, user: User, redis: Redis) -> None:
    service = await run(client_ttl=3600)
    await use_everything(service, node, user)
    keys = await keys_of_service(redis, service)
    for part in (":room", ":devices", ":queue:", ":events:", ":holders:", ":once:", "idempotency"):
        assert [key for key in keys if part in key], keys
    assert {key: await redis.ttl(key) for key in keys if await redis.ttl(key) < 1} == {}


async def test_with_client_ttl_0_messages_are_kept_for_ever(
    run: Run, node: NodeProcess, user: User, redis: Redis
) -> None:
    service = await run(client_ttl=0)
    await use_everything(service, node, user)

    async def is_gone() -> bool:
        return await is_offline(redis, user, "phone")

    await until(is_gone, "the phone is offline")
    ends = {key: await redis.ttl(key) for key in await keys_of_service(redis, service)}
    for_ever = {key: ttl for key, ttl in ends.items() if not any(p in key for p in SHORT_LIVED)}
    for part in (":room", ":devices", ":queue:phone", ":events:phone"):
        assert [key for key in for_ever if key.endswith(part)], ends
    assert set(for_ever.values()) == {-1}
    assert all(ttl > 0 for key, ttl in ends.items() if key not in for_ever)


async def test_device_ttl_is_another_name_of_client_ttl(run: Run, user: User, redis: Redis) -> None:
    config: dict[str, Any] = {"device_ttl": TTL_SECONDS}
    service = await run(**config)
    assert (await service.send(user.room, "hello"))["queued"] == 1
    await gone(redis, user)
