"""Several devices of one user, and several tabs of one device."""

import pytest
from redis.asyncio import Redis

from tests.e2e.conftest import Connect
from tests.e2e.events import batch, broadcast, stored
from tests.e2e.node_client import NodeClient
from tests.e2e.redis_view import is_offline, waiting
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until

MOST_DEVICES = 20


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    """Each in a shared room of the same number, where markers are sent."""
    user = fake_site.new_user()
    fake_site.knows(user.token, [user.room, f"all_{user.room}"])
    return user


async def hear_nothing_else(service: Service, user: User, *clients: NodeClient) -> bool:
    await service.send(f"all_{user.room}", "marker")
    return [await client.event() for client in clients] == [broadcast("marker")] * len(clients)


async def had_nothing_waiting(service: Service, user: User, client: NodeClient) -> bool:
    """For a client that has just come: what waited would come before this."""
    await service.send(user.room, "marker")
    return await client.event() in (stored("marker"), batch(["marker"]))


async def visit(connect: Connect, user: User, device: str, redis: Redis) -> NodeClient:
    """Come and go, so that the device is known from now on."""

    async def has_come() -> bool:
        return not await is_offline(redis, user, device)

    async def has_left() -> bool:
        return await is_offline(redis, user, device)

    client = await connect(user, device)
    await until(has_come, f"{device} is online")
    await client.disconnect()
    await until(has_left, f"{device} is offline")
    return client


async def nothing_waits(redis: Redis, user: User, device: str = "") -> None:
    async def is_empty() -> bool:
        return await waiting(redis, user, device) == 0

    await until(is_empty, f"nothing waits for {device!r}")


async def test_each_device_gets_everything(connect: Connect, service: Service, user: User) -> None:
    devices = [await connect(user, name) for name in ("phone", "tablet", "")]
    for number in range(3):
        await service.send(user.room, "hello", number)
    for device in devices:
        assert await device.events(3) == [stored("hello", number) for number in range(3)]
    assert await hear_nothing_else(service, user, *devices)


async def test_the_ack_of_one_device_leaves_the_message_to_the_other(
    connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    phone = await connect(user, "phone", withhold_acks=True)
    tablet = await connect(user, "tablet", withhold_acks=True)
    await service.send(user.room, "hello")
    await tablet.event()
    phone.ack(await phone.event())
    await nothing_waits(redis, user, "phone")
    await phone.disconnect()
    await tablet.disconnect()
    assert await (await connect(user, "tablet")).event() == batch(["hello"])
    assert await had_nothing_waiting(service, user, await connect(user, "phone"))


async def test_an_absent_device_gets_later_what_the_present_one_has_acknowledged(
    connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    absent = await visit(connect, user, "tablet", redis)
    present = await connect(user, "phone")
    await service.send(user.room, "hello")
    assert await present.event() == stored("hello")
    await nothing_waits(redis, user, "phone")
    absent.connect()
    assert await absent.event() == batch(["hello"])


@pytest.mark.parametrize("device", ["", "phone"])
async def test_every_tab_gets_each_message_and_the_first_ack_removes_it(
    device: str, connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    tabs = [await connect(user, device, withhold_acks=True) for _ in range(3)]
    await service.send(user.room, "hello")
    events = [await tab.event() for tab in tabs]
    assert events == [stored("hello")] * 3
    tabs[1].ack(events[1])
    await nothing_waits(redis, user, device)
    for tab in tabs:
        await tab.disconnect()
    assert await had_nothing_waiting(service, user, await connect(user, device))


@pytest.mark.parametrize("resync", ["false", "true"])
async def test_a_late_ack_of_another_tab_does_nothing(
    resync: str, connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    early, late = [await connect(user, withhold_acks=True) for _ in range(2)]
    for number in range(2):
        await service.send(user.room, "hello", number, resync=resync)
    early_events, late_events = await early.events(2), await late.events(2)
    for event in early_events:
        early.ack(event)
    await nothing_waits(redis, user)
    await service.send(user.room, "hello", "later", resync=resync)
    assert await early.event() == await late.event() == stored("hello", "later")
    for event in late_events:
        late.ack(event)
    assert await hear_nothing_else(service, user, early, late)
    await late.disconnect()
    await early.disconnect()
    assert await (await connect(user)).event() == batch(["hello", "later"])


async def test_a_tab_opened_later_gets_what_the_first_has_not_acknowledged(
    connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    tab = await connect(user, withhold_acks=True)
    await service.send(user.room, "hello")
    event = await tab.event()
    later_tab = await connect(user, withhold_acks=True)
    late_batch = await later_tab.event()
    assert late_batch == batch(["hello"])
    tab.ack(event)
    await nothing_waits(redis, user)
    later_tab.ack(late_batch)
    assert await hear_nothing_else(service, user, tab, later_tab)


@pytest.mark.parametrize(("first", "second"), [("", "phone"), ("phone", ""), ("phone", "tablet")])
async def test_what_was_sent_to_a_user_never_seen_waits_for_the_first_device(
    first: str, second: str, connect: Connect, service: Service, user: User
) -> None:
    await service.send(user.room, "hello", 1)
    await service.send(user.room, "hello", 2)
    adopting = await connect(user, first, withhold_acks=True)
    assert await adopting.event() == batch(["hello", 1], ["hello", 2])
    assert await had_nothing_waiting(service, user, await connect(user, second))
    assert await adopting.event() == stored("marker")
    await adopting.disconnect()
    again = await connect(user, first)
    assert await again.event() == batch(["hello", 1], ["hello", 2], ["marker"])


async def test_past_20_devices_the_longest_unseen_is_forgotten_with_its_queue(
    connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    for number in range(MOST_DEVICES):
        await visit(connect, user, f"device-{number}", redis)
    await visit(connect, user, "device-0", redis)  # now device-1 is the longest unseen
    await service.send(user.room, "hello")
    assert await waiting(redis, user, "device-1") == 1
    newcomer = await connect(user, "one-more")
    await nothing_waits(redis, user, "device-1")
    assert await hear_nothing_else(service, user, newcomer)
    for number in (0, *range(2, MOST_DEVICES)):
        client = await connect(user, f"device-{number}")
        assert await client.event() == batch(["hello"])
        await client.disconnect()
    assert await hear_nothing_else(service, user, newcomer)
    assert await had_nothing_waiting(service, user, await connect(user, "device-1"))


@pytest.mark.parametrize("name", ["*", "?", "[a-z]*", "phone*", "a:b", "{x}", "ü 😀"])
async def test_a_device_may_have_any_name_and_stands_for_itself_only(
    name: str, connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    await visit(connect, user, "phone", redis)
    odd = await connect(user, name, withhold_acks=True)
    await service.send(user.room, "hello")
    event = await odd.event()
    assert event == stored("hello")
    odd.ack(event)
    await nothing_waits(redis, user, name)
    await odd.disconnect()
    assert await (await connect(user, "phone")).event() == batch(["hello"])
    assert await had_nothing_waiting(service, user, await connect(user, name))
