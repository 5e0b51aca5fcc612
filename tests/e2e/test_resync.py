"""When a client is told to reload everything."""

import pytest
from redis.asyncio import Redis

from tests.e2e.conftest import Connect
from tests.e2e.events import Event, broadcast, resync, stored
from tests.e2e.node_client import NodeClient
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User

OUT_OF_ORDER = resync("out_of_order")
NEARLY_A_BODY_BYTES = 1_000_000
PAST_16_MIB = 17


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    user = fake_site.new_user()
    fake_site.knows(user.token, [user.room, f"all_{user.room}"])
    return user


async def hears_nothing_else(client: NodeClient, service: Service, user: User) -> bool:
    await service.send(f"all_{user.room}", "marker")
    return await client.event() == broadcast("marker")


async def three_messages(
    client: NodeClient, service: Service, user: User, **query: str
) -> list[Event]:
    for number in range(3):
        await service.send(user.room, "update", number, **query)
    return await client.events(3)


@pytest.mark.parametrize("value", ["true", "1"])
async def test_an_ack_out_of_order_resyncs_once_and_drops_everything(
    value: str, connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, withhold_acks=True)
    first, second, third = await three_messages(client, service, user, resync=value)
    client.ack(second)
    assert await client.event() == OUT_OF_ORDER
    client.ack(first)
    client.ack(third)
    assert await hears_nothing_else(client, service, user)
    await client.disconnect()
    again = await connect(user)
    assert await hears_nothing_else(again, service, user)


async def test_after_a_resync_messages_come_as_before(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, withhold_acks=True)
    _, second, _ = await three_messages(client, service, user, resync="true")
    client.ack(second)
    assert await client.event() == OUT_OF_ORDER
    await service.send(user.room, "update", "new", resync="true")
    message = await client.event()
    assert message == stored("update", "new")
    client.ack(message)
    assert await hears_nothing_else(client, service, user)


async def test_a_second_incident_resyncs_again(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, withhold_acks=True)
    for _ in range(2):
        _, second, _ = await three_messages(client, service, user, resync="true")
        client.ack(second)
        assert await client.event() == OUT_OF_ORDER


async def test_a_resync_drops_messages_of_other_events_too(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, withhold_acks=True)
    await service.send(user.room, "another")
    await client.event()
    _, second, _ = await three_messages(client, service, user, resync="true")
    client.ack(second)
    assert await client.event() == OUT_OF_ORDER
    await client.disconnect()
    again = await connect(user)
    assert await hears_nothing_else(again, service, user)


async def test_acks_in_order_never_resync(connect: Connect, service: Service, user: User) -> None:
    client = await connect(user, withhold_acks=True)
    for event in await three_messages(client, service, user, resync="true"):
        client.ack(event)
    assert await hears_nothing_else(client, service, user)


async def test_order_is_looked_at_by_event(connect: Connect, service: Service, user: User) -> None:
    client = await connect(user, withhold_acks=True)
    await service.send(user.room, "one", resync="true")
    await service.send(user.room, "another", resync="true")
    one, another = await client.events(2)
    client.ack(another)
    client.ack(one)
    assert await hears_nothing_else(client, service, user)


@pytest.mark.parametrize("query", [{}, {"resync": "false"}, {"resync": "0"}])
async def test_without_resync_acks_may_come_in_any_order(
    query: dict[str, str], connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, withhold_acks=True)
    for event in reversed(await three_messages(client, service, user, **query)):
        client.ack(event)
    assert await hears_nothing_else(client, service, user)


async def test_what_another_tab_has_acknowledged_does_not_resync(
    connect: Connect, service: Service, user: User
) -> None:
    tab, other_tab = [await connect(user, withhold_acks=True) for _ in range(2)]
    await three_messages(tab, service, user, resync="true")
    for event in await other_tab.events(3):
        other_tab.ack(event)
    await service.send(user.room, "update", "fence", resync="true")
    fence = await tab.event()
    other_tab.ack(await other_tab.event())
    tab.ack(fence)
    for client in (tab, other_tab):
        await service.send(f"all_{user.room}", "marker")
        assert await client.event() == broadcast("marker")
        await (tab if client is other_tab else other_tab).event()


async def test_an_ack_out_of_order_concerns_its_own_device_only(
    connect: Connect, service: Service, user: User
) -> None:
    phone = await connect(user, "phone", withhold_acks=True)
    tablet = await connect(user, "tablet", withhold_acks=True)
    _, second, _ = await three_messages(phone, service, user, resync="true")
    await tablet.events(3)
    phone.ack(second)
    assert await phone.event() == OUT_OF_ORDER
    await tablet.disconnect()
    again = await connect(user, "tablet")
    assert [args[1] for args in (await again.event()).args[0]] == [0, 1, 2]


async def test_every_tab_of_the_device_is_told(
    connect: Connect, service: Service, user: User
) -> None:
    tab, other_tab = [await connect(user, withhold_acks=True) for _ in range(2)]
    _, second, _ = await three_messages(tab, service, user, resync="true")
    await other_tab.events(3)
    tab.ack(second)
    assert await tab.event() == OUT_OF_ORDER
    assert await other_tab.event() == OUT_OF_ORDER


async def test_a_queue_past_16_mib_is_dropped_and_the_absent_device_told_when_it_is_back(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    await client.disconnect()
    for _ in range(PAST_16_MIB):
        await service.send(user.room, "big", "x" * NEARLY_A_BODY_BYTES)
    client.connect()
    event = await client.event()
    while event.name == "batch":  # what came after the drop
        assert len(event.args[0]) < PAST_16_MIB
        event = await client.event()
    assert event == resync("overflow")


async def test_a_queue_past_16_mib_is_dropped_and_the_connected_device_told(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, withhold_acks=True)
    for _ in range(PAST_16_MIB):
        await service.send(user.room, "big", "x" * NEARLY_A_BODY_BYTES)
    events = await client.events(PAST_16_MIB)
    assert resync("overflow") in events or await client.event() == resync("overflow")


async def test_a_connected_client_is_told_when_redis_has_lost_its_queue(
    connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    client = await connect(user)
    await service.send(user.room, "before")
    assert await client.event() == stored("before")
    lost = [key async for key in redis.scan_iter(match=f"*{user.room}*")]
    await redis.delete(*lost)
    await service.send(user.room, "after")
    heard = await client.events(2)
    assert resync("state_lost") in heard
    assert stored("after") in heard
