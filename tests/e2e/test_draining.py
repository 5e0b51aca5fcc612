"""How the service ends: nobody loses anything, and clients come back by themselves."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.e2e.events import batch, stored
from tests.e2e.installing import install, running, site_entries
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.raw_socket import raw_socket
from tests.e2e.redis_view import paused, something_hangs, waiting
from tests.e2e.service import STOP_SECONDS, Installation, Service
from tests.e2e.site import FakeSite, User

SERVERS = [[], ["--server", "uvicorn"]]
SIGNALS = [signal.SIGTERM, signal.SIGINT]
MANY = 50
CROWD = 40
OVER_SECONDS = 1.0  # at least; it is about three

each_server = pytest.mark.parametrize("server", SERVERS, ids=["daphne", "uvicorn"])


@pytest.fixture
def installation(tmp_path: Path, fake_site: FakeSite) -> Installation:
    return install(tmp_path / "service", site_entries(fake_site), {})


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    return fake_site.new_user()


async def open_client(
    node: NodeProcess, service: Service, user: User, **options: Any
) -> NodeClient:
    client = node.open(service.namespace(token=user.token), reconnectionDelay=100, **options)
    await client.next("connect")
    return client


async def tell_to_end(service: Service) -> None:
    service.process.send_signal(signal.SIGTERM)
    await service.says("Draining")


async def ended(service: Service) -> int:
    """Wait for the end that `tell_to_end` began; a second signal would cut it short."""
    await asyncio.wait_for(service.process.wait(), STOP_SECONDS)
    return await service.stop()


@each_server
@pytest.mark.parametrize("sign", SIGNALS, ids=lambda sign: sign.name)
async def test_clients_are_sent_away_and_come_back_by_themselves_to_the_next_process(
    sign: int,
    server: Sequence[str],
    installation: Installation,
    node: NodeProcess,
    user: User,
) -> None:
    first = await installation.start(0, *server)
    clients = [
        await open_client(node, first, user, transports=transports)
        for transports in (["websocket"], ["polling"], ["polling", "websocket"])
    ]
    assert await first.stop(sign) == 0
    assert not first.failures
    for client in clients:
        assert (await client.next("disconnect"))["reason"] == "transport close"
    async with running(installation, port=first.port, arguments=server) as second:
        for client in clients:
            await client.next("connect")
        await second.send(user.room, "hello")
        for client in clients:
            event = await client.event()
            assert event in (stored("hello"), batch(["hello"]))


@each_server
async def test_a_request_that_runs_is_answered_before_the_process_ends(
    server: Sequence[str], installation: Installation, user: User, redis: Redis, node: NodeProcess
) -> None:
    service = await installation.start(0, *server)
    async with paused(redis):
        sending = asyncio.create_task(service.send(user.room, "hello"))
        await something_hangs(redis)
        await tell_to_end(service)
        assert not sending.done()
    assert (await sending)["queued"] == 1
    assert await ended(service) == 0
    async with running(installation, arguments=server) as second:
        assert await (await open_client(node, second, user)).event() == batch(["hello"])


async def test_acks_that_have_come_are_in_redis_before_the_process_ends(
    installation: Installation, user: User, redis: Redis
) -> None:
    service = await installation.start()
    async with raw_socket(service) as socket:
        await socket.join("newsite", user.token)
        for _ in range(MANY):
            await service.send(user.room, "hello")
        packets = [await socket.read() or "" for _ in range(MANY)]
        async with paused(redis):
            for packet in packets:
                await socket.write(f"43{packet.removeprefix('42').partition('[')[0]}[]")
            await socket.write("40/nosuchsite,{}")
            assert (await socket.read() or "").startswith("44/nosuchsite,")  # all has been read
            assert await waiting(redis, user) == MANY
            await tell_to_end(service)
    assert await ended(service) == 0
    assert await waiting(redis, user) == 0


@each_server
async def test_clients_leave_one_by_one_over_a_few_seconds_in_no_order(
    server: Sequence[str], installation: Installation, node: NodeProcess, fake_site: FakeSite
) -> None:
    service = await installation.start(0, *server)
    clients = [
        await open_client(
            node, service, fake_site.new_user(), transports=["websocket"], reconnection=False
        )
        for _ in range(CROWD)
    ]
    clock = asyncio.get_running_loop().time
    left: dict[str, float] = {}

    async def watch(client: NodeClient) -> None:
        await client.next("disconnect", STOP_SECONDS)
        left[client.name] = clock()

    watching = asyncio.gather(*(watch(client) for client in clients))
    assert await service.stop() == 0
    await watching
    assert list(left) != [client.name for client in clients]
    times = list(left.values())
    assert times[-1] - times[0] > OVER_SECONDS
    halfway = sum(time < times[0] + (times[-1] - times[0]) / 2 for time in times)
    assert CROWD / 10 < halfway < CROWD * 9 / 10
