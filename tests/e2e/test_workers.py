"""`serve --workers`: several processes behind one port, which clients cannot tell from one."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientError, ClientSession, TCPConnector

from tests.e2e.arrivals import connections, duplicates, first_arrivals
from tests.e2e.events import batch, stored
from tests.e2e.installing import install, running, site_entries
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.sending import post
from tests.e2e.service import MANAGE, Installation, Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until

WORKERS = 2
ARGUMENTS = ("--server", "daphne", "--workers", str(WORKERS))
POLLING = "/socket.io/?EIO=4&transport=polling"
CLIENTS = 12  # all by chance on the same worker: once in 2,048 runs


@pytest.fixture
def installation(fake_site: FakeSite, tmp_path: Path) -> Installation:
    return install(tmp_path / "it", site_entries(fake_site), {})


@pytest_asyncio.fixture(loop_scope="session")
async def service(installation: Installation) -> AsyncIterator[Service]:
    service = await installation.start(0, *ARGUMENTS)
    yield service
    await service.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """For tests that leave all workers as they are."""
    folder = tmp_path_factory.mktemp("workers") / "shared"
    installation = install(folder, site_entries(fake_site), {})
    async with running(installation, arguments=ARGUMENTS) as service:
        yield service


def worker_pids(service: Service) -> list[int]:
    """The processes that the service has started, but its Redis."""
    text = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text()
    return [pid for pid in map(int, text.split()) if b"--worker" in command_of(pid)]


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def has_ended(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


async def open_clients(
    node: NodeProcess, service: Service, users: list[User], **options: object
) -> list[NodeClient]:
    clients = [
        node.open(service.namespace(), auth={"token": user.token}, **options)  # type: ignore[arg-type]
        for user in users
    ]
    for client in clients:
        await client.next("connect")
    return clients


@pytest.mark.parametrize("transports", [["polling"], ["polling", "websocket"], ["websocket"]])
async def test_clients_of_every_transport_get_their_messages(
    shared: Service, node: NodeProcess, fake_site: FakeSite, transports: list[str]
) -> None:
    users = [fake_site.new_user() for _ in range(CLIENTS)]
    clients = await open_clients(node, shared, users, transports=transports)
    for number in range(5):
        for user in users:
            await shared.send(user.room, "n", number)
    for client in clients:
        assert await client.events(5) == [stored("n", number) for number in range(5)]
        assert not client.has_heard("disconnect")


async def test_each_worker_has_some_of_the_clients(
    service: Service, node: NodeProcess, fake_site: FakeSite
) -> None:
    users = [fake_site.new_user() for _ in range(CLIENTS)]
    clients = await open_clients(node, service, users, transports=["websocket"])
    os.kill(worker_pids(service)[0], signal.SIGKILL)

    async def is_cut_off() -> bool:
        return any(client.has_heard("disconnect") for client in clients)

    await until(is_cut_off, "some clients were on the worker that is killed")
    assert not all(client.has_heard("disconnect") for client in clients)


async def test_poll_finds_its_worker_also_behind_a_message_on_the_same_connection(
    shared: Service,
) -> None:
    """As a proxy mixes them, that keeps its connections to the service."""
    for _ in range(CLIENTS):
        async with shared.http.get(POLLING) as answer:
            session_id = json.loads((await answer.text())[1:])["sid"]
        one = TCPConnector(limit=1)
        async with ClientSession(f"http://127.0.0.1:{shared.port}", connector=one) as proxy:
            async with proxy.post("/send?site=nobody&apiKey=none") as answer:
                assert answer.status == 401
            async with proxy.post(f"{POLLING}&sid={session_id}", data="40/nowhere,") as answer:
                assert (answer.status, await answer.text()) == (200, "OK")


async def test_a_worker_that_is_killed_is_started_again_and_nothing_is_lost(
    service: Service, node: NodeProcess, fake_site: FakeSite
) -> None:
    users = [fake_site.new_user() for _ in range(CLIENTS)]
    clients = await open_clients(node, service, users)
    killed = worker_pids(service)[0]
    os.kill(killed, signal.SIGKILL)
    for user in users:
        await deliver_at_last(service, user, 0)
    for client in clients:
        assert await client.event() in (stored("n", 0), batch(["n", 0]))

    async def is_whole() -> bool:
        pids = worker_pids(service)
        return len(pids) == WORKERS and killed not in pids

    await until(is_whole, "the worker is started again")


async def test_sighup_replaces_all_workers_and_loses_nothing(
    service: Service, node: NodeProcess, fake_site: FakeSite
) -> None:
    users = [fake_site.new_user() for _ in range(CLIENTS)]
    clients = await open_clients(node, service, users)
    old = worker_pids(service)
    service.process.send_signal(signal.SIGHUP)
    sent = 0
    while not all(map(has_ended, old)):
        for user in users:
            await deliver_at_last(service, user, sent)
        sent += 1
    await service.says("All workers are new")
    assert set(worker_pids(service)).isdisjoint(old)
    for client in clients:

        async def has_all(client: NodeClient = client) -> bool:
            is_back = len(connections(client.history)) > 1
            return is_back and len(first_arrivals(client.history)) >= sent

        await until(has_all, f"the client came back, and {sent} messages have come")
        assert first_arrivals(client.history) == list(range(sent))
        assert duplicates(client.history) == []


async def test_a_port_that_is_taken_is_refused(shared: Service, installation: Installation) -> None:
    code, last_line = await run(installation, "--workers", "2", "--port", str(shared.port))
    assert code == 1
    assert "Cannot listen on" in last_line
    assert "choose another port by --port or PORT" in last_line


async def test_all_workers_end_with_the_service(service: Service) -> None:
    pids = worker_pids(service)
    assert len(pids) == WORKERS
    assert await service.stop() == 0
    assert all(map(has_ended, pids))


async def test_workers_end_when_the_one_that_keeps_them_is_killed(service: Service) -> None:
    pids = worker_pids(service)
    await service.stop(signal.SIGKILL)

    async def have_ended() -> bool:
        return all(map(has_ended, pids))

    await until(have_ended, "the workers have noticed")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "0"], "expected 1 to 64, got '0'"),
        (["--workers", "2", "--host", "::1"], "--workers: only on IPv4 addresses"),
        (
            ["--workers", "2", "--server", "uvicorn"],
            "--workers with --server uvicorn: set io.transports to [websocket]",
        ),
    ],
)
async def test_what_cannot_work_is_refused_with_one_line(
    installation: Installation, arguments: list[str], message: str
) -> None:
    code, last_line = await run(installation, *arguments)
    assert code == 2
    assert message in last_line


async def test_workers_that_do_not_start_end_the_service(
    fake_site: FakeSite, tmp_path: Path
) -> None:
    redis = {"redis": {"host": "127.0.0.1", "port": 1}}
    installation = install(tmp_path / "lost", site_entries(fake_site), redis)
    code, last_line = await run(installation, "--workers", "2", "--port", "0")
    assert code == 1
    assert last_line == "CommandError: A worker ended with exit code 1"


async def deliver_at_last(service: Service, user: User, number: int) -> None:
    """As a sender does that repeats a call which ended without an answer: it was on its way to
    a worker that has ended, over a connection that was kept open."""

    async def is_taken() -> bool:
        try:
            reply = await post(service.http, user.room, "n", number, key=f"{user.token}-{number}")
        except ClientError:
            return False
        return reply.status == 200

    await until(is_taken, f"message {number} of {user.token} is taken")


async def run(installation: Installation, *arguments: str) -> tuple[int | None, str]:
    """Return the exit code and the last line of what is said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, MANAGE, "serve", *arguments),
        env=installation.environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    return process.returncode, errors.decode().strip().splitlines()[-1]
