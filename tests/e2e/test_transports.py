"""The essential paths over each transport and with each client library."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from aiohttp import WSServerHandshakeError
from redis.asyncio import Redis
from socketio.exceptions import ConnectionError as Refused

from tests.e2e.conftest import Connect
from tests.e2e.events import batch, broadcast, resync, stored
from tests.e2e.node_client import NodeProcess
from tests.e2e.python_client import python_client
from tests.e2e.redis_view import is_offline, keys_of, waiting
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until


@dataclass(frozen=True)
class Way:
    """A client library and the transports it may use."""

    version: int
    transports: Sequence[str]

    def __str__(self) -> str:
        return f"{self.version}-{'-'.join(self.transports)}"


WAYS = [
    Way(version, transports)
    for version in (4, 3)
    for transports in (["websocket"], ["polling"], ["polling", "websocket"])
]
PYTHON_WAYS = [("websocket",), ("polling",), ("polling", "websocket")]
MANY = 100  # more than python-engineio takes of one POST unless it is told to
LARGE_TEXT = "x" * (1024 * 1024 - 200)  # with its body, just under send_body_limit
OUTDATED = "unsupported version of the Socket.IO or Engine.IO protocols"

every_way = pytest.mark.parametrize("way", WAYS, ids=str)
every_python_way = pytest.mark.parametrize("transports", PYTHON_WAYS, ids="-".join)


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    user = fake_site.new_user()
    fake_site.knows(user.token, [user.room, f"all_{user.room}"])
    return user


async def acked(redis: Redis, user: User) -> None:
    async def is_removed() -> bool:
        return await waiting(redis, user) == 0

    await until(is_removed, "the acks have removed the messages")


@every_way
async def test_live_messages_come_and_acks_remove_them(
    way: Way, node: NodeProcess, service: Service, user: User, redis: Redis
) -> None:
    client = node.open(
        service.namespace(token=user.token),
        version=way.version,
        transports=way.transports,
        withhold_acks=True,
    )
    assert (await client.next("connect"))["transport"] in way.transports
    await service.send(f"all_{user.room}", "hello", {"id": 1})
    assert await client.event() == broadcast("hello", {"id": 1})
    await service.send(user.room, "hello", "ü😀", [None])
    event = await client.event()
    assert event == stored("hello", "ü😀", [None])
    assert await waiting(redis, user) == 1
    client.ack(event)
    await acked(redis, user)


@every_way
async def test_many_acks_at_once_all_count(
    way: Way, connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    client = await connect(user, version=way.version, transports=way.transports, withhold_acks=True)
    for number in range(MANY):
        await service.send(user.room, "n", number)
    for event in await client.events(MANY):
        client.ack(event)
    await acked(redis, user)


@every_way
async def test_the_largest_message_that_send_takes_arrives_live_and_in_a_batch(
    way: Way, connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, version=way.version, transports=way.transports, withhold_acks=True)
    await service.send(user.room, "big", LARGE_TEXT)
    assert await client.event() == stored("big", LARGE_TEXT)
    await client.disconnect()
    client.connect()
    assert await client.event() == batch(["big", LARGE_TEXT])


@every_way
async def test_what_waited_comes_as_a_batch_and_its_ack_removes_it(
    way: Way, connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    for number in range(3):
        await service.send(user.room, "hello", number)
    client = await connect(user, version=way.version, transports=way.transports)
    assert await client.event() == batch(*(["hello", number] for number in range(3)))
    await acked(redis, user)


@every_way
async def test_an_ack_out_of_order_resyncs(
    way: Way, connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, version=way.version, transports=way.transports, withhold_acks=True)
    for _ in range(2):
        await service.send(user.room, "update", resync="true")
    _, second = await client.events(2)
    client.ack(second)
    assert await client.event() == resync("out_of_order")
    await service.send(f"all_{user.room}", "marker")
    assert await client.event() == broadcast("marker")


@every_way
async def test_a_refused_client_is_told_why(way: Way, node: NodeProcess, service: Service) -> None:
    for site, message in (("newsite", "Authentication failed"), ("nosuch", "Invalid namespace")):
        client = node.open(
            service.namespace(site, token="unknown-to-the-site"),
            version=way.version,
            transports=way.transports,
        )
        assert (await client.next("connect_error"))["message"] == message
        assert not client.has_heard("connect")


@every_way
async def test_a_client_that_leaves_and_comes_back_is_served_again(
    way: Way, connect: Connect, service: Service, user: User, redis: Redis
) -> None:
    client = await connect(user, version=way.version, transports=way.transports)
    await client.disconnect()

    async def has_left() -> bool:
        return await is_offline(redis, user)

    await until(has_left, "the service has heard that the client left")
    await service.send(user.room, "missed")
    client.connect()
    assert await client.event() == batch(["missed"])
    await service.send(user.room, "live")
    assert await client.event() == stored("live")


@pytest.mark.parametrize("version", [4, 3])
async def test_messages_sent_while_the_transport_is_upgraded_come_once_and_in_order(
    version: int, node: NodeProcess, service: Service, user: User
) -> None:
    client = node.open(service.namespace(token=user.token), version=version)
    sent = 0
    while not client.has_heard("upgrade"):
        await service.send(user.room, "n", sent)
        sent += 1
    assert (await client.next("upgrade"))["transport"] == "websocket"
    await service.send(user.room, "n", sent)
    heard: list[list[object]] = []
    while len(heard) <= sent:
        event = await client.event()
        heard += event.args[0] if event.name == "batch" else [[event.name, *event.args]]
    assert heard == [["n", number] for number in range(sent + 1)]
    assert not client.has_heard("disconnect")


@every_python_way
async def test_a_python_client_gets_live_messages_and_its_acks_remove_them(
    transports: tuple[str, ...], service: Service, user: User, redis: Redis
) -> None:
    async with python_client(service, user.token, transports=transports) as client:
        await service.send(f"all_{user.room}", "hello", {"id": 1})
        assert await client.event() == ("hello", [{"id": 1}])
        await service.send(user.room, "hello", "ü😀", [None])
        assert await client.event() == ("hello", ["ü😀", [None]])
        await acked(redis, user)


@every_python_way
async def test_a_python_client_gets_its_batch(
    transports: tuple[str, ...], service: Service, user: User, redis: Redis
) -> None:
    await service.send(user.room, "hello", 1)
    await service.send(user.room, "hello", 2)
    async with python_client(service, user.token, transports=transports) as client:
        assert await client.event() == ("batch", [[["hello", 1], ["hello", 2]]])
        await acked(redis, user)


@every_python_way
async def test_a_python_client_is_told_to_resync(
    transports: tuple[str, ...], service: Service, user: User, redis: Redis
) -> None:
    async with python_client(service, user.token, transports=transports) as client:
        await service.send(user.room, "before")
        assert await client.event() == ("before", [])
        await redis.delete(*await keys_of(redis, user))
        await service.send(user.room, "after")
        heard = [await client.event(), await client.event()]
        assert ("resync", [{"reason": "state_lost"}]) in heard
        assert ("after", []) in heard


@every_python_way
async def test_a_python_client_with_a_wrong_token_is_refused(
    transports: tuple[str, ...], service: Service
) -> None:
    with pytest.raises(Refused, match="/newsite"):
        async with python_client(service, "unknown-to-the-site", transports=transports):
            pytest.fail("it is connected")


@pytest.mark.parametrize("transports", [["websocket"], ["polling"]], ids="-".join)
async def test_a_client_of_version_2_is_refused(
    transports: list[str], node: NodeProcess, service: Service, user: User
) -> None:
    client = node.open(
        service.namespace(token=user.token), version=2, transports=transports, reconnection=False
    )
    await client.next("connect_error")
    assert not client.has_heard("connect")


async def test_the_older_protocol_is_refused_with_a_text_that_says_so(service: Service) -> None:
    query = {"EIO": "3", "token": "12345"}
    polling, websocket = query | {"transport": "polling"}, query | {"transport": "websocket"}
    async with service.http.get("/socket.io/", params=polling) as response:
        assert response.status == 400
        assert OUTDATED in await response.text()
    with pytest.raises(WSServerHandshakeError):
        await service.http.ws_connect("/socket.io/", params=websocket)
