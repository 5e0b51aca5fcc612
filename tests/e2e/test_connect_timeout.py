"""Clients that do nothing with their connection, or too much."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.conftest import Connect
from tests.e2e.events import broadcast, stored
from tests.e2e.installing import install, running, site_entries
from tests.e2e.raw_socket import RawSocket, raw_socket
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until

CONNECT_TIMEOUT_MS = 1000
MOST_EVENTS = 200  # of one client in ten seconds
MOST_BYTES = 1_000_000  # of one packet: maxHttpBufferSize
EVENTS = ['["hello"]', '["disconnect"]', '["connect",{}]', '["batch",[["hello"]]]', "[1]", "[]"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service") / "impatient"
    config = {"io": {"connectTimeout": CONNECT_TIMEOUT_MS}}
    async with running(install(folder, site_entries(fake_site), config)) as service:
        yield service


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    user = fake_site.new_user()
    fake_site.knows(user.token, [user.room, f"all_{user.room}"])
    return user


async def hears_nothing_else(socket: RawSocket, service: Service, user: User) -> bool:
    await service.send(f"all_{user.room}", "marker")
    return await socket.read() == '42/newsite,["marker"]'


async def is_closed(socket: RawSocket) -> bool:
    """Whether nothing comes but a close packet, which says the same."""
    packet = await socket.read()
    return packet is None or (packet == "1" and await socket.read() is None)


async def test_a_websocket_that_joins_nothing_is_closed_after_connect_timeout(
    service: Service,
) -> None:
    clock = asyncio.get_running_loop().time
    started_at = clock()
    async with raw_socket(service) as socket:
        opened_at = clock()
        assert await is_closed(socket)
        assert (clock() - started_at) * 1000 >= CONNECT_TIMEOUT_MS * 0.95
        assert (clock() - opened_at) * 1000 < CONNECT_TIMEOUT_MS * 4


async def test_a_polling_connection_that_joins_nothing_is_closed(service: Service) -> None:
    query = {"EIO": "4", "transport": "polling"}
    async with service.http.get("/socket.io/", params=query) as response:
        opening = await response.text()
    assert opening.startswith("0{")
    query["sid"] = opening.partition('"sid":"')[2].partition('"')[0]

    async def is_unknown() -> bool:
        async with service.http.get("/socket.io/", params=query) as response:
            return response.status == 400

    await until(is_unknown, "the connection is closed")


async def test_a_refused_client_does_not_keep_its_transport(
    service: Service, fake_site: FakeSite
) -> None:
    async with raw_socket(service) as socket:
        await socket.write('40/newsite,{"token":"unknown-to-the-site"}')
        answer = await socket.read()
        assert answer is not None
        assert answer.startswith("44/newsite,")
        assert await is_closed(socket)


async def test_a_transport_that_has_left_its_only_namespace_is_closed(
    service: Service, user: User
) -> None:
    async with raw_socket(service) as socket:
        await socket.join("newsite", user.token)
        await socket.write("41/newsite,")
        assert await is_closed(socket)


async def test_a_client_that_has_joined_stays(
    connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user)
    async with raw_socket(service) as socket:  # opened later, so its time is over later
        assert await is_closed(socket)
    await service.send(user.room, "hello")
    assert await client.event() == stored("hello")
    assert not client.has_heard("disconnect")


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("ack_id", ["", "7"])
async def test_an_event_that_a_client_emits_gets_no_answer_and_reaches_nobody(
    event: str, ack_id: str, connect: Connect, service: Service, user: User
) -> None:
    neighbour = await connect(user, "another")
    async with raw_socket(service) as socket:
        await socket.join("newsite", user.token)
        await socket.write(f"42/newsite,{ack_id}{event}")
        assert await hears_nothing_else(socket, service, user)
        assert await neighbour.event() == broadcast("marker")


async def test_a_packet_that_is_too_large_closes_the_transport(
    service: Service, user: User
) -> None:
    packet = '42/newsite,["{}"]'
    async with raw_socket(service) as socket:
        await socket.join("newsite", user.token)
        await socket.write(packet.format("x" * (MOST_BYTES - len(packet))))
        assert await hears_nothing_else(socket, service, user)
        await socket.write(packet.format("x" * MOST_BYTES))
        assert await is_closed(socket)


async def test_a_client_that_floods_is_disconnected_and_the_others_are_untouched(
    connect: Connect, service: Service, user: User
) -> None:
    neighbour = await connect(user, "another")
    async with raw_socket(service) as socket:
        await socket.join("newsite", user.token)
        for _ in range(MOST_EVENTS):
            await socket.write('42/newsite,["hello"]')
        assert await hears_nothing_else(socket, service, user)
        await socket.write('42/newsite,["hello"]')
        assert await is_closed(socket)
    assert await neighbour.event() == broadcast("marker")
    await service.send(user.room, "hello")
    assert await neighbour.event() == stored("hello")
    assert not neighbour.has_heard("disconnect")


@pytest.mark.parametrize("version", [4, 3])
async def test_a_stock_client_that_flooded_comes_back_by_itself(
    version: int, connect: Connect, service: Service, user: User
) -> None:
    client = await connect(user, version=version, transports=["websocket"])
    for number in range(MOST_EVENTS + 1):
        client.emit("hello", number)
    assert (await client.next("disconnect"))["reason"] == "transport close"
    await client.next("connect")
    await service.send(user.room, "hello")
    assert (await client.event()).name in ("hello", "batch")
