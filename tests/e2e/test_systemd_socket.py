"""A socket that is opened by whoever starts the service, in the way of systemd: sd_listen_fds(3).

The test holds it across a restart, as systemd does.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.installing import install, site_entries
from tests.e2e.service import MANAGE, Installation, Service
from tests.e2e.site import FakeSite
from tests.e2e.waiting import WAIT_SECONDS

REQUEST = b"GET /healthcheck HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
# The number of the process must stand in its environment, and the socket be file 3.
AS_SYSTEMD_DOES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@asynccontextmanager
async def run_on(
    listener: socket.socket, installation: Installation, server: str, **environment: str
) -> AsyncIterator[Service]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", AS_SYSTEMD_DOES, str(listener.fileno())),
        *(sys.executable, MANAGE, "serve", "--server", server),
        env=installation.environment() | environment,
        pass_fds=[listener.fileno()],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    service = Service(installation, process)
    await service.begin()
    try:
        yield service
    finally:
        assert await service.stop() == 0, service.output
    assert not service.failures


@asynccontextmanager
async def asked(listener: socket.socket) -> AsyncIterator[asyncio.StreamReader]:
    """A request on a connection that waits until somebody takes it."""
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(REQUEST)
    try:
        yield reader
    finally:
        writer.close()


async def is_answered(reader: asyncio.StreamReader) -> bool:
    answer = await asyncio.wait_for(reader.read(), WAIT_SECONDS)
    return answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"ok")


async def test_connections_wait_in_the_socket_until_the_service_is_back(
    listener: socket.socket, fake_site: FakeSite, tmp_path: Path
) -> None:
    installation = install(tmp_path / "service", site_entries(fake_site), {})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address := str(tmp_path / "notify"))
        systemd.setblocking(False)
        for server in ("daphne", "uvicorn"):
            async with (
                asked(listener) as reader,
                run_on(listener, installation, server, NOTIFY_SOCKET=address) as service,
            ):
                assert service.port == listener.getsockname()[1]
                assert await is_answered(reader)
                told = asyncio.get_running_loop().sock_recv(systemd, 100)
                assert await asyncio.wait_for(told, WAIT_SECONDS) == b"READY=1"
