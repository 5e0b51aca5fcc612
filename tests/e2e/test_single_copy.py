"""A call that names several rooms of one client gives it one copy."""

import pytest
from redis.asyncio import Redis

from tests.e2e.conftest import Connect
from tests.e2e.events import batch, broadcast, stored
from tests.e2e.node_client import NodeClient
from tests.e2e.redis_view import waiting
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    """In two shared rooms that nobody else is in."""
    user = fake_site.new_user()
    fake_site.knows(user.token, [user.room, f"red_{user.room}", f"blue_{user.room}"])
    return user


@pytest.fixture
def pair(fake_site: FakeSite) -> tuple[User, User]:
    """One client's token brings both of these users' rooms."""
    first, second = fake_site.new_user(), fake_site.new_user()
    rooms = [first.room, second.room, f"all_{first.room}"]
    fake_site.knows(first.token, rooms)
    return first, second


async def hears_nothing_else(client: NodeClient, service: Service, room: str) -> bool:
    await service.send(room, "marker")
    return await client.event() == broadcast("marker")


async def test_two_shared_rooms_of_a_client_give_it_one_copy(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    red, blue = f"red_{user.room}", f"blue_{user.room}"
    answer = await service.send([red, blue], "hello")
    assert (answer["queued"], answer["broadcast"]) == (0, 2)
    assert await client.event() == broadcast("hello")
    assert await hears_nothing_else(client, service, red)


async def test_a_room_named_twice_gives_one_copy(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    red = f"red_{user.room}"
    answer = await service.send([red, user.room, red, user.room], "hello")
    assert (answer["queued"], answer["broadcast"]) == (1, 1)
    assert await client.event() == stored("hello")
    assert await hears_nothing_else(client, service, red)


@pytest.mark.parametrize("is_user_room_first", [True, False])
async def test_of_a_user_room_and_a_shared_room_the_stored_copy_wins(
    is_user_room_first: bool, connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    rooms = [user.room, f"red_{user.room}", f"blue_{user.room}"]
    answer = await service.send(rooms if is_user_room_first else rooms[::-1], "hello")
    assert (answer["queued"], answer["broadcast"]) == (1, 2)
    assert await client.event() == stored("hello")
    assert await hears_nothing_else(client, service, rooms[1])


async def test_beside_a_user_room_the_others_of_the_shared_room_get_the_broadcast(
    connect: Connect, service: Service, user: User, fake_site: FakeSite
) -> None:
    colleague = fake_site.new_user(f"red_{user.room}")
    theirs, own = await connect(colleague), await connect(user)
    await service.send([user.room, f"red_{user.room}"], "hello")
    assert await own.event() == stored("hello")
    assert await theirs.event() == broadcast("hello")
    assert await hears_nothing_else(theirs, service, f"red_{user.room}")


async def test_an_absent_user_gets_the_stored_copy_only(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    await client.disconnect()
    await service.send([f"red_{user.room}", user.room], "hello")
    client.connect()
    assert await client.event() == batch(["hello"])
    assert await hears_nothing_else(client, service, f"red_{user.room}")


async def test_two_user_rooms_of_a_client_give_it_one_copy_and_its_ack_counts_for_both(
    connect: Connect, service: Service, pair: tuple[User, User], redis: Redis
) -> None:
    first, second = pair
    client = await connect(first, withhold_acks=True)
    for user in pair:  # once something has come, what comes next comes live and in no batch
        await service.send(user.room, "first")
        client.ack(await client.event())
    answer = await service.send([first.room, second.room], "hello")
    assert (answer["queued"], answer["broadcast"]) == (2, 0)
    event = await client.event()
    assert event == stored("hello")
    assert await hears_nothing_else(client, service, f"all_{first.room}")
    assert [await waiting(redis, user) for user in pair] == [1, 1]
    client.ack(event)

    async def is_removed_from_both() -> bool:
        return [await waiting(redis, user) for user in pair] == [0, 0]

    await until(is_removed_from_both, "the ack has removed both copies")


async def test_what_waits_in_two_user_rooms_comes_once_when_the_client_is_back(
    connect: Connect, service: Service, pair: tuple[User, User], redis: Redis
) -> None:
    first, second = pair
    await service.send([first.room, second.room], "hello")
    client = await connect(first)
    assert await client.event() == batch(["hello"])

    async def is_removed_from_both() -> bool:
        return [await waiting(redis, user) for user in pair] == [0, 0]

    await until(is_removed_from_both, "the ack has removed both copies")
    assert await hears_nothing_else(client, service, f"all_{first.room}")


async def test_each_of_two_clients_of_different_rooms_gets_a_copy(
    connect: Connect, service: Service, fake_site: FakeSite
) -> None:
    users = [fake_site.new_user(), fake_site.new_user()]
    clients = [await connect(user) for user in users]
    await service.send([user.room for user in users], "hello")
    assert [await client.event() for client in clients] == [stored("hello")] * 2


async def test_two_calls_of_the_same_content_are_two_messages(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    for _ in range(2):
        await service.send([f"red_{user.room}", f"blue_{user.room}"], "hello")
        await service.send([user.room, f"red_{user.room}"], "hello")
    heard = await client.events(4)
    assert heard.count(stored("hello")) == 2
    assert heard.count(broadcast("hello")) == 2
