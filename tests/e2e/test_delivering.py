"""What `/send` makes clients hear while they are connected."""

import asyncio
import json
from typing import Any

import pytest

from tests.e2e.conftest import Connect
from tests.e2e.events import broadcast, stored
from tests.e2e.installing import PLAIN_KEY
from tests.e2e.raw_socket import raw_socket
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User

VALUES: list[list[Any]] = [
    [],
    [None],
    [None, None],
    [""],
    ["a", "b", "c"],
    [[]],
    [["a", "b"]],
    [{}],
    [True, False],
    [0, -1, 9007199254740991, -9007199254740991, 1e300, 0.1, -1.5e-7],
    ["žluťoučký 日本語 עברית 😀 👩‍👩‍👧"],
    ['" \\ / \b \f \n \r \t \0 \x1f \x7f'],
    ["\u2028 and \u2029 end lines in old JavaScript", "\ufeff", "\u200b"],
    ['42/newsite,["fake"]', "]", "]]>", "</script>"],
    [{"deep": {"deeper": [{"deepest": [None, {"": ""}]}]}}],
    [{"__proto__": "a key like any other", "constructor": 1, "_placeholder": True, "num": 0}],
    ["x" * 200_000],
]
EVENTS = ["update_store", "a b", "ü😀", "1", "__proto__", "message", "ping", "_batch", "x" * 256]


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    return fake_site.new_user("staff")


async def test_a_message_to_a_shared_room_asks_for_no_ack(
    connect: Connect, service: Service, fake_site: FakeSite
) -> None:
    client = await connect(fake_site.new_user("sales"))
    await service.send("sales", "update_store", "user", {"id": 1, "age": 5})
    assert await client.event() == broadcast("update_store", "user", {"id": 1, "age": 5})


async def test_a_message_to_a_user_room_ends_with_a_callback(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    await service.send(user.room, "update_store", "user", {"id": 1, "age": 5})
    assert await client.event() == stored("update_store", "user", {"id": 1, "age": 5})


async def test_a_shared_room_reaches_everybody_in_it_and_nobody_else(
    connect: Connect, service: Service, fake_site: FakeSite
) -> None:
    inside = [await connect(fake_site.new_user("kitchen")) for _ in range(3)]
    outsider = fake_site.new_user("garden")
    outside = await connect(outsider)
    await service.send("kitchen", "dinner")
    await service.send(["kitchen", "garden"], "marker")
    for client in inside:
        assert await client.events(2) == [broadcast("dinner"), broadcast("marker")]
    assert await outside.event() == broadcast("marker")


async def test_a_user_room_reaches_that_user_only(
    connect: Connect, service: Service, fake_site: FakeSite
) -> None:
    first, second = fake_site.new_user(), fake_site.new_user()
    hers, his = await connect(first), await connect(second)
    await service.send(first.room, "for_her")
    await service.send([first.room, second.room], "marker")
    assert await hers.events(2) == [stored("for_her"), stored("marker")]
    assert await his.event() == stored("marker")


@pytest.mark.parametrize("args", VALUES, ids=range(len(VALUES)))
async def test_arguments_arrive_as_they_were_sent(
    args: list[Any], connect: Connect, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user("everybody")
    client = await connect(user)
    await service.send(user.room, "values", *args)
    assert await client.event() == stored("values", *args)
    await service.send("everybody", "values", *args)
    assert await client.event() == broadcast("values", *args)


@pytest.mark.parametrize("name", EVENTS)
async def test_any_other_event_name_is_the_sites_own(
    name: str, connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    await service.send(user.room, name, 1)
    assert await client.event() == stored(name, 1)


@pytest.mark.parametrize("value", ["text", 5, 0, False, None, {"id": 1}])
async def test_args_that_are_no_list_are_one_argument(
    value: object, connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    body = {"rooms": user.room, "event": "single", "args": value}
    query = {"site": "newsite", "apiKey": "54321"}
    async with service.http.post("/send", params=query, json=body) as response:
        assert response.status == 200
    assert await client.event() == stored("single", value)


async def test_messages_arrive_in_the_order_in_which_they_were_sent(
    connect: Connect, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user("orderly")
    client = await connect(user)
    for number in range(100):
        await service.send(user.room, f"event_{number % 3}", number)
    assert [event.args for event in await client.events(100)] == [[n] for n in range(100)]
    for number in range(100):
        await service.send("orderly", f"event_{number % 3}", number)
    assert [event.args for event in await client.events(100)] == [[n] for n in range(100)]


async def test_of_many_senders_at_once_each_keeps_its_order(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)

    async def sender(name: str) -> None:
        for number in range(25):
            await service.send(user.room, name, number)

    names = [f"sender_{number}" for number in range(8)]
    await asyncio.gather(*map(sender, names))
    heard = await client.events(25 * len(names))
    for name in names:
        assert [event.args[0] for event in heard if event.name == name] == list(range(25))


async def test_all_clients_of_a_message_hear_the_same_order(
    connect: Connect, service: Service, user: User
) -> None:
    tabs = [await connect(user) for _ in range(3)]
    await asyncio.gather(*(service.send(user.room, "n", number) for number in range(50)))
    first, *others = [await tab.events(50) for tab in tabs]
    assert others == [first, first]


async def test_integers_of_64_bits_stand_on_the_wire_as_they_were_sent(
    service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user("counters")
    numbers = [9007199254740993, 18446744073709551615, -9223372036854775808]
    async with raw_socket(service) as socket:
        await socket.join("newsite", user.token)
        await service.send("counters", "big", *numbers)
        assert await socket.read() == f'42/newsite,["big",{",".join(map(str, numbers))}]'
        await service.send(user.room, "big", *numbers)
        packet = await socket.read()
    assert packet is not None
    ack_id, _, text = packet.removeprefix("42/newsite,").partition("[")
    assert ack_id.isdigit()
    assert json.loads(f"[{text}") == ["big", *numbers]


async def test_a_site_without_user_rooms_broadcasts_everything(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, site="plainsite")
    answer = await service.send(user.room, "hello", site="plainsite", key=PLAIN_KEY)
    assert (answer["queued"], answer["broadcast"]) == (0, 1)
    assert await client.event() == broadcast("hello")


@pytest.mark.parametrize("name", ["a:b", "{x}", "*", "a/b", "ü 😀", "?", "#", "%2F", "x" * 250])
async def test_rooms_may_have_any_name(
    name: str, connect: Connect, service: Service, fake_site: FakeSite
) -> None:
    user = User(token=f"odd-{name.encode().hex()[:40]}", room=f"user_{name}"[:256])
    fake_site.knows(user.token, [user.room, name])
    client = await connect(user)
    await service.send(user.room, "hello")
    await service.send(name, "hello")
    assert {event.wants_ack for event in await client.events(2)} == {True, False}


async def test_sending_to_nobody_is_no_error(service: Service) -> None:
    answer = await service.send(["nobody-here", "user_never-seen"], "hello")
    assert (answer["queued"], answer["broadcast"]) == (1, 1)
