"""The contract of receiving: acks, batches, devices, order, and `resync`."""

import asyncio

from tests.contract.contract import Contract, shared
from tests.e2e.events import Event, broadcast, stored
from tests.e2e.node_client import NodeClient
from tests.e2e.site import User

MORE_THAN_A_BATCH = 501


async def left_unread(contract: Contract, user: User, *events: str) -> NodeClient:
    """Let a client hear the events, leave without an ack, and come again."""
    client = await contract.connect(user, withhold_acks=True)
    for event in events:
        await contract.send(user.room, event)
    await client.events(len(events))
    await client.disconnect()
    return await contract.connect(user)


async def test_user_rooms_ask_for_an_ack_and_shared_rooms_for_none(contract: Contract) -> None:
    user = contract.new_user()
    client = await contract.connect(user)
    await contract.send(user.room, "update_store", "user", {"id": 1})
    assert await client.event() == stored("update_store", "user", {"id": 1})
    await contract.send(shared(user), "update_store", "user", {"id": 1})
    assert await client.event() == broadcast("update_store", "user", {"id": 1})


async def test_other_users_hear_nothing(contract: Contract) -> None:
    one, other = contract.new_user(), contract.new_user()
    client = await contract.connect(other)
    await contract.send([one.room, shared(one)], "secret")
    await contract.hears_nothing_else(client, other)


async def test_a_call_that_names_several_rooms_of_a_client_gives_it_one_copy(
    contract: Contract,
) -> None:
    user = contract.new_user()
    client = await contract.connect(user)
    await contract.send([shared(user), user.room], "hello")
    assert await client.event() == stored("hello")
    await contract.hears_nothing_else(client, user)


async def test_what_was_not_acknowledged_comes_again_as_one_batch_in_order(
    contract: Contract,
) -> None:
    user = contract.new_user()
    client = await left_unread(contract, user, "b", "a", "c")
    assert await client.event() == contract.batch(["b"], ["a"], ["c"])
    await contract.hears_nothing_else(client, user)


async def test_what_was_acknowledged_does_not_come_again(contract: Contract) -> None:
    user = contract.new_user()
    client = await contract.connect(user, withhold_acks=True)
    for number in range(3):
        await contract.send(user.room, "hello", number)
    events = await client.events(3)
    client.ack(events[1])
    await client.disconnect()
    again = await contract.connect(user)
    assert await again.event() == contract.batch(["hello", 0], ["hello", 2])


async def test_the_ack_of_a_batch_removes_it(contract: Contract) -> None:
    user = contract.new_user()
    client = await left_unread(contract, user, "hello")
    assert await client.event() == contract.batch(["hello"])
    await contract.hears_nothing_else(client, user)
    await client.disconnect()
    await contract.hears_nothing_else(await contract.connect(user), user)


async def test_what_is_sent_to_somebody_never_seen_waits(contract: Contract) -> None:
    user = contract.new_user()
    await contract.send(user.room, "hello", 1)
    await contract.send(shared(user), "gone")
    client = await contract.connect(user, "phone")
    assert await client.event() == contract.batch(["hello", 1])
    await contract.hears_nothing_else(client, user)


async def test_each_device_has_a_queue_of_its_own(contract: Contract) -> None:
    user = contract.new_user()
    phone = await contract.connect(user, "phone")
    laptop = await contract.connect(user, "laptop")
    await laptop.disconnect()
    await contract.send(user.room, "hello")
    assert await phone.event() == stored("hello")
    await contract.hears_nothing_else(phone, user)
    laptop.connect()
    await laptop.next("connect")
    assert await next_event(contract, laptop) == contract.batch(["hello"])


async def test_two_tabs_of_a_device_both_hear_and_one_ack_is_enough(contract: Contract) -> None:
    user = contract.new_user()
    tabs = [await contract.connect(user, withhold_acks=True) for _ in range(2)]
    await contract.send(user.room, "hello")
    events = await asyncio.gather(*(tab.event() for tab in tabs))
    assert list(events) == [stored("hello")] * 2
    tabs[0].ack(events[0])
    await contract.hears_nothing_else(tabs[0], user)
    for tab in tabs:
        await tab.disconnect()
    await contract.hears_nothing_else(await contract.connect(user), user)


async def test_a_backlog_of_many_comes_in_several_batches(contract: Contract) -> None:
    user = contract.new_user()
    messages = [
        {"rooms": user.room, "event": "hello", "args": [i]} for i in range(MORE_THAN_A_BATCH)
    ]
    assert (await contract.post(messages, "/send/batch")).status == 200
    client = await contract.connect(user)
    batches = await client.events(2)
    numbers = [message[1] for batch in batches for message in batch.args[0]]
    assert numbers == list(range(MORE_THAN_A_BATCH))


async def test_an_ack_out_of_order_with_resync_is_one_resync(contract: Contract) -> None:
    user = contract.new_user()
    client = await contract.connect(user, withhold_acks=True)
    events = await three_with(contract, client, user, "true")
    client.ack(events[1])
    resync = await client.event()
    assert (resync.name, resync.wants_ack) == (contract.resync, False)
    for event in (events[0], events[2]):
        client.ack(event)
    await contract.hears_nothing_else(client, user)
    await client.disconnect()
    await contract.hears_nothing_else(await contract.connect(user), user)


async def test_an_ack_out_of_order_with_resync_false_is_none(contract: Contract) -> None:
    user = contract.new_user()
    client = await contract.connect(user, withhold_acks=True)
    events = await three_with(contract, client, user, "false")
    client.ack(events[1])
    await contract.hears_nothing_else(client, user)
    await client.disconnect()
    again = await contract.connect(user)
    assert await again.event() == contract.batch(["update", 0], ["update", 2])


async def three_with(
    contract: Contract, client: NodeClient, user: User, resync: str
) -> list[Event]:
    for number in range(3):
        await contract.send(user.room, "update", number, resync=resync)
    return await client.events(3)


async def next_event(contract: Contract, client: NodeClient) -> Event:
    """The first event after `connect` that is not `_settings`."""
    event = await client.event()
    return await client.event() if event.name == "_settings" else event
