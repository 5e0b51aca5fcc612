"""What waits while a user is away, and how it comes back."""

import asyncio
import json
from typing import Any

import pytest

from tests.e2e.conftest import Connect
from tests.e2e.events import Event, batch, broadcast, stored
from tests.e2e.node_client import NodeClient
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User

MOST_MESSAGES = 500
MOST_BYTES = 512 * 1024


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    """Each in a shared room of the same number, where markers are sent."""
    user = fake_site.new_user()
    fake_site.knows(user.token, [user.room, shared(user)])
    return user


def shared(user: User) -> str:
    return f"all_{user.room}"


async def has_nothing_waiting(client: NodeClient, service: Service, user: User) -> bool:
    await service.send(shared(user), "marker")
    return await client.event() == broadcast("marker")


def messages(event: Event) -> list[list[Any]]:
    """What an event of a user room says, whether it comes live or in a batch."""
    return event.args[0] if event.name == "batch" else [[event.name, *event.args]]


async def collect(client: NodeClient, count: int) -> list[list[Any]]:
    """Messages of user rooms until `count` have come; each ack is given."""
    heard: list[list[Any]] = []
    while len(heard) < count:
        event = await client.event()
        heard.extend(messages(event))
        client.ack(event)
    return heard


async def test_messages_sent_to_an_absent_user_come_as_one_batch(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    await client.disconnect()
    await service.send(user.room, "update_store", "user", {"id": 1})
    await service.send(user.room, "delete")
    await service.send(user.room, "update_store", None, [1, [2]], "\u2028😀")
    client.connect()
    assert await client.event() == batch(
        ["update_store", "user", {"id": 1}],
        ["delete"],
        ["update_store", None, [1, [2]], "\u2028😀"],
    )
    assert await has_nothing_waiting(client, service, user)


async def test_nothing_waiting_is_no_batch(connect: Connect, service: Service, user: User) -> None:
    client = await connect(user)
    assert await has_nothing_waiting(client, service, user)
    await client.disconnect()
    client.connect()
    await client.next("connect")
    assert await has_nothing_waiting(client, service, user)


async def test_what_was_acknowledged_does_not_come_again(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    await service.send(user.room, "hello")
    assert await client.event() == stored("hello")
    await client.disconnect()
    again = await connect(user)
    assert await has_nothing_waiting(again, service, user)


async def test_what_was_not_acknowledged_comes_again(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, withhold_acks=True)
    for number in range(3):
        await service.send(user.room, "hello", number)
    events = await client.events(3)
    client.ack(events[1])
    await client.disconnect()
    again = await connect(user)
    assert await again.event() == batch(["hello", 0], ["hello", 2])


@pytest.mark.parametrize("args", [[], ["ok"], [None, {"any": "thing"}]])
async def test_an_ack_may_carry_arguments(
    args: list[Any], connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, withhold_acks=True)
    await service.send(user.room, "hello")
    client.ack(await client.event(), *args)
    await client.disconnect()
    again = await connect(user)
    assert await has_nothing_waiting(again, service, user)


async def test_after_a_cut_the_client_comes_back_by_itself_and_gets_what_it_missed(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, transports=["websocket"], reconnectionDelay=200)
    client.cut()
    assert (await client.next("disconnect"))["reason"] == "transport close"
    await service.send(user.room, "missed", 1)
    await service.send(user.room, "missed", 2)
    await client.next("connect")
    assert await collect(client, 2) == [["missed", 1], ["missed", 2]]


async def test_a_batch_that_was_not_acknowledged_comes_again(
    connect: Connect, service: Service, user: User
) -> None:
    await service.send(user.room, "hello")
    for _ in range(2):
        client = await connect(user, withhold_acks=True)
        assert await client.event() == batch(["hello"])
        await client.disconnect()


async def test_the_ack_of_a_batch_removes_what_was_in_it_and_no_more(
    connect: Connect, service: Service, user: User
) -> None:
    await service.send(user.room, "early")
    client = await connect(user, withhold_acks=True)
    first = await client.event()
    await service.send(user.room, "late")
    client.ack(first)
    assert messages(await client.event()) == [["late"]]
    await client.disconnect()
    again = await connect(user)
    assert await again.event() == batch(["late"])


async def test_more_than_500_messages_come_in_several_batches_each_after_the_ack_of_the_last(
    connect: Connect, service: Service, user: User
) -> None:
    total = 2 * MOST_MESSAGES + 1
    for number in range(total):
        await service.send(user.room, "n", number)
    client = await connect(user, withhold_acks=True)
    heard = []
    for size in (MOST_MESSAGES, MOST_MESSAGES, 1):
        event = await client.event()
        assert len(event.args[0]) == size
        heard += event.args[0]
        assert await has_nothing_waiting(client, service, user)
        client.ack(event)
    assert heard == [["n", number] for number in range(total)]
    await service.send(user.room, "live")
    assert await client.event() == stored("live")


async def test_a_live_message_comes_after_all_batches(
    connect: Connect, service: Service, user: User
) -> None:
    for number in range(MOST_MESSAGES + 1):
        await service.send(user.room, "n", number)
    client = await connect(user, withhold_acks=True)
    first = await client.event()
    await service.send(user.room, "live")
    assert await has_nothing_waiting(client, service, user)
    client.ack(first)
    assert await collect(client, 2) == [["n", MOST_MESSAGES], ["live"]]
    assert await has_nothing_waiting(client, service, user)


async def test_no_batch_is_larger_than_512_kib(
    connect: Connect, service: Service, user: User
) -> None:
    texts = [str(number) * 100_000 for number in range(8)]
    for text in texts:
        await service.send(user.room, "big", text)
    client = await connect(user)
    heard: list[list[Any]] = []
    while len(heard) < len(texts):
        event = await client.event()
        assert len(json.dumps(event.args[0], separators=(",", ":"))) <= MOST_BYTES
        heard += event.args[0]
    assert heard == [["big", text] for text in texts]


async def test_a_single_message_of_more_than_512_kib_is_a_batch_of_its_own(
    connect: Connect, service: Service, user: User
) -> None:
    text = "x" * (MOST_BYTES + 1000)
    await service.send(user.room, "small", 1)
    await service.send(user.room, "big", text)
    await service.send(user.room, "small", 2)
    client = await connect(user, withhold_acks=True)
    assert await collect(client, 3) == [["small", 1], ["big", text], ["small", 2]]


async def test_messages_sent_during_the_connect_come_once_and_in_order(
    connect: Connect, service: Service, user: User
) -> None:
    await service.send(user.room, "n", 0)

    async def send_on() -> None:
        for number in range(1, 200):
            await service.send(user.room, "n", number)

    sending = asyncio.create_task(send_on())
    client = await connect(user)
    heard: list[list[Any]] = []
    while len(heard) < 200:
        heard += messages(await client.event())
    await sending
    assert heard == [["n", number] for number in range(200)]
    assert await has_nothing_waiting(client, service, user)


async def test_a_client_of_two_user_rooms_gets_what_waits_in_both(
    connect: Connect, service: Service, fake_site: FakeSite
) -> None:
    first, second = fake_site.new_user(), fake_site.new_user()
    fake_site.knows(first.token, [first.room, second.room])
    await service.send(first.room, "to_the_first")
    await service.send(second.room, "to_the_second")
    client = await connect(first, withhold_acks=True)
    heard = await collect(client, 2)
    assert sorted(heard) == [["to_the_first"], ["to_the_second"]]
    await client.disconnect()
    again = await connect(first)
    await service.send([first.room], "marker")
    assert await again.event() == stored("marker")


async def test_an_ack_from_before_the_connection_broke_confirms_nothing_else(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, withhold_acks=True)
    await service.send(user.room, "hello", 1)
    before = await client.event()
    client.cut()
    await client.next("disconnect")
    await service.send(user.room, "hello", 2)
    waited = batch(["hello", 1], ["hello", 2])
    assert await client.event() == waited
    client.ack(before)  # which a stock client sends on the connection that it has now
    await client.disconnect()
    client.connect()
    assert await client.event() == waited
