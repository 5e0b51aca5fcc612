"""So much waits that it comes in several batches, and what is sent meanwhile."""

import asyncio
import json
from typing import Any

from tests.e2e.batches import collect, has_nothing_waiting, messages, user
from tests.e2e.conftest import Connect
from tests.e2e.events import stored
from tests.e2e.service import Service
from tests.e2e.site import User

__all__ = ["user"]


MOST_MESSAGES = 500
MOST_BYTES = 512 * 1024


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
