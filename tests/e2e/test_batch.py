"""What waits while a user is away, and how it comes back."""

from typing import Any

import pytest

from tests.e2e.batches import collect, has_nothing_waiting, messages, user
from tests.e2e.conftest import Connect
from tests.e2e.events import batch, stored
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User

__all__ = ["user"]


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
    assert not (await client.next("connect"))["recovered"]
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
