import pytest
from redis.asyncio import Redis

from delivery import names
from delivery.message import Message
from delivery.queue_values import Device, Waiting
from delivery.queues import Queues
from tests.delivery.queue_fixtures import (
    LAPTOP,
    NOBODY,
    PHONE,
    ROOM,
    SITE,
    Sender,
    find_keys,
    texts,
)


async def test_each_known_device_gets_each_message(queues: Queues, send: Sender) -> None:
    for device in (PHONE, LAPTOP, NOBODY):
        await queues.open(device)
    await send()
    for device in (PHONE, LAPTOP, NOBODY):
        assert await texts(queues, device) == ['["update",1]']


async def test_seq_counts_up_within_one_epoch(send: Sender) -> None:
    first, second = await send(), await send()
    assert (first.seq, second.seq) == (1, 2)
    assert first.epoch == second.epoch != ""


async def test_one_call_appends_to_each_of_its_rooms(queues: Queues) -> None:
    message = Message.build("7", "greet", [], True, ["user_1", "user_2"])
    appended = await queues.append(SITE, message.rooms, message)
    assert [(each.room, each.seq) for each in appended] == [("user_1", 1), ("user_2", 1)]
    assert appended[0].epoch == appended[1].epoch  # one draw serves all rooms of the call
    for room in message.rooms:
        backlog = await queues.open(Device(SITE, room, "phone"))
        assert backlog.messages == (Waiting(1, "7", True, '["greet"]'),)


async def test_append_to_no_room_does_nothing(queues: Queues) -> None:
    assert await queues.append(SITE, [], Message.build("7", "greet", [], False, [])) == []


async def test_same_room_of_two_sites_are_two_rooms(queues: Queues, send: Sender) -> None:
    await send()
    assert (await queues.open(Device("othersite", ROOM, "phone"))).messages == ()


@pytest.mark.parametrize("name", ["}", "*", "user_1:queue", "ü ☃", "a\0b", "{x}", "\ud800"])
async def test_any_text_names_a_room_and_a_device(queues: Queues, name: str) -> None:
    device = Device(SITE, name, name)
    other = Device(SITE, name, name + "1")
    await queues.open(device)
    await queues.open(other)
    [appended] = await queues.append(SITE, [name], Message.build("1", "greet", [], False, [name]))
    await queues.clear(other)
    assert appended.room == name
    assert await texts(queues, device) == ['["greet"]']


async def test_text_comes_back_as_it_was(queues: Queues) -> None:
    args = ["a|b\n\0ü☃", {"n": [1, None, 2.5]}]
    message = Message.build("1", 'e"|\\', args, False, [ROOM])
    await queues.append(SITE, [ROOM], message)
    assert (await queues.open(PHONE)).messages[0].text == message.text


async def test_every_key_is_one_that_names_knows(
    queues: Queues, send: Sender, redis: Redis
) -> None:
    await queues.open(PHONE)
    await send(once="a key", resync=True)
    assert set(await find_keys(redis)) == {
        names.room_key("sioweb", SITE, ROOM),
        names.devices_key("sioweb", SITE, ROOM),
        names.queue_key("sioweb", SITE, ROOM, "phone"),
        "sioweb:{newsite/user_1}:events:phone",
        "sioweb:{newsite/user_1}:holders:phone",
        names.once_key("sioweb", SITE, ROOM, "a key"),
    }
