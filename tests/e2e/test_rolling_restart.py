"""Two processes behind one address are restarted in turn, while clients and senders go on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest_asyncio
from aiohttp import ClientSession, ClientTimeout

from tests.e2e.arrivals import connections, duplicates, first_arrivals
from tests.e2e.installing import install, running, site_entries
from tests.e2e.nginx import nginx
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.sending import deliver
from tests.e2e.service import STOP_SECONDS, Installation, Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until
from tests.redis_process import free_port

CLIENTS = 40
ARRIVE_SECONDS = 30.0
ESTABLISHED = "01"  # of /proc/net/tcp


@dataclass
class Sender:
    """Sends to its users in turn, one message after the other, until told to stop."""

    http: ClientSession
    users: Sequence[User]
    sent: Counter[str] = field(default_factory=Counter)  # by token: numbers 0, 1, 2...
    statuses: Counter[int] = field(default_factory=Counter)
    is_told_to_stop: bool = False

    async def run(self) -> None:
        while not self.is_told_to_stop:
            for user in self.users:
                number = self.sent[user.token]
                key = f"{user.token}-{number}"
                self.statuses += await deliver(self.http, user.room, "n", number, key=key)
                self.sent[user.token] += 1


@dataclass
class Cluster:
    """Two processes, and one address in front of them and of a port that is to spare."""

    installation: Installation
    stack: AsyncExitStack
    spare_port: int
    services: list[Service] = field(default_factory=list)
    url: str = ""

    async def start(self, port: int = 0) -> Service:
        """Start a process that is looked after until the test ends."""
        service = await self.stack.enter_async_context(running(self.installation, port=port))
        await until(lambda: is_ready(service), f"{service.url} is ready")
        return service

    async def restart_in_place(self) -> None:
        for index, service in enumerate(self.services):
            assert await service.stop() == 0, service.output
            self.services[index] = await self.start(service.port)

    async def restart_by_way_of_a_spare(self) -> None:
        """Each is started anew before the old one ends, whose port is then to spare."""
        for index, service in enumerate(self.services):
            self.services[index] = await self.start(self.spare_port)
            assert await service.stop() == 0, service.output
            self.spare_port = service.port

    def connections(self) -> list[int]:
        """How many each process has."""
        return [count_connections(each.port) for each in self.services]


@dataclass
class Load:
    """A client of each user, and who sends to all of them."""

    clients: dict[str, NodeClient]  # by token
    sender: Sender

    async def run_during(self, restart: Awaitable[None]) -> None:
        """Send until the restart is over; return when every client came back and got all."""
        sending = asyncio.create_task(self.sender.run())
        try:
            await restart
        finally:
            self.sender.is_told_to_stop = True
            await sending
        for token, count in self.sender.sent.items():
            await has_come_back(self.clients[token])
            await has_come(self.clients[token], count)


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(fake_site: FakeSite, tmp_path: Path) -> AsyncIterator[Cluster]:
    installation = install(tmp_path / "service", site_entries(fake_site), {})
    async with AsyncExitStack() as stack:
        cluster = Cluster(installation, stack, free_port())
        cluster.services = [await cluster.start() for _ in range(2)]
        ports = [*(each.port for each in cluster.services), cluster.spare_port]
        cluster.url = await stack.enter_async_context(nginx(tmp_path / "nginx", ports))
        yield cluster


@pytest_asyncio.fixture(loop_scope="session")
async def load(cluster: Cluster, node: NodeProcess, fake_site: FakeSite) -> AsyncIterator[Load]:
    users = [fake_site.new_user() for _ in range(CLIENTS)]
    clients = {user.token: open_client(node, cluster.url, user) for user in users}
    for client in clients.values():
        await client.next("connect")
    timeout = ClientTimeout(total=STOP_SECONDS)
    async with ClientSession(cluster.url, timeout=timeout) as http:
        yield Load(clients, Sender(http, users))


async def is_ready(service: Service) -> bool:
    async with service.http.get("/readyz") as response:
        return response.status == 200


def count_connections(port: int) -> int:
    """How many connections have their end at this port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1] == f"0100007F:{port:04X}" and row[3] == ESTABLISHED for row in rows)


def open_client(node: NodeProcess, url: str, user: User) -> NodeClient:
    return node.open(f"{url}/newsite", auth={"token": user.token}, transports=["websocket"])


async def has_come(client: NodeClient, count: int) -> None:
    async def is_there() -> bool:
        return len(first_arrivals(client.history)) >= count

    await until(is_there, f"{count} messages have come to client {client.name}", ARRIVE_SECONDS)


async def has_come_back(client: NodeClient) -> None:
    """Each process is restarted, so each client is sent away at least once."""

    async def is_back() -> bool:
        return len(connections(client.history)) > 1

    await until(is_back, f"client {client.name} was sent away and came back", ARRIVE_SECONDS)


def fails_nothing_and_loses_nothing(load: Load) -> None:
    assert set(load.sender.statuses) <= {200, 503}
    assert load.sender.statuses[200] >= CLIENTS
    for token, client in load.clients.items():
        assert first_arrivals(client.history) == list(range(load.sender.sent[token]))
        assert duplicates(client.history) == []
        assert not [each for each in client.history if each.get("event") == "resync"]


async def test_a_restart_of_each_process_in_place_fails_no_request_and_loses_no_message(
    cluster: Cluster, load: Load
) -> None:
    await load.run_during(cluster.restart_in_place())
    fails_nothing_and_loses_nothing(load)


async def test_a_restart_by_way_of_a_spare_port_also_spreads_the_clients_over_both(
    cluster: Cluster, load: Load
) -> None:
    """In place, the last to be restarted finds that all clients have gone to the first."""
    await load.run_during(cluster.restart_by_way_of_a_spare())
    fails_nothing_and_loses_nothing(load)

    async def are_there() -> bool:
        return sum(cluster.connections()) == CLIENTS

    await until(are_there, "every client is connected")
    assert min(cluster.connections()) >= CLIENTS / 4
