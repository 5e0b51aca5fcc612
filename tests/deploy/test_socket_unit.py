"""`sioweb@.socket`: the port is systemd's, and stays open while a single process restarts."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.deploy.init_system import InitSystem
from tests.e2e.installing import install
from tests.e2e.service import FAILURE, PROJECT
from tests.e2e.waiting import WAIT_SECONDS
from tests.redis_process import free_port

REQUEST = b"GET /healthcheck HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def set_up(folder: Path) -> InitSystem:
    """A server whose current release is this working tree."""
    installation = install(folder / "service", {}, {})
    current = folder / "srv" / "current"
    current.mkdir(parents=True)
    (current / ".venv").symlink_to(sys.prefix)
    (current / "manage.py").symlink_to(PROJECT / "manage.py")
    environment_file = folder / "sioweb.env"
    environment_file.write_text(
        f"SIOWEB_CONFIG_DIR={installation.config_dir}\nSIOWEB_DATA_DIR={installation.data_dir}\n"
    )
    own = {"/etc/sioweb/sioweb.env": str(environment_file), "/srv/sioweb": str(folder / "srv")}
    return InitSystem(folder / "init", own)


@asynccontextmanager
async def asked(address: tuple[str, int]) -> AsyncIterator[asyncio.StreamReader]:
    """A request on a connection that waits until somebody takes it."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(REQUEST)
    try:
        yield reader
    finally:
        writer.close()


async def is_answered(reader: asyncio.StreamReader) -> bool:
    answer = await asyncio.wait_for(reader.read(), WAIT_SECONDS)
    return answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"ok")


async def test_connections_wait_in_the_socket_until_the_service_is_back(tmp_path: Path) -> None:
    init, port = set_up(tmp_path), free_port()
    name = f"sioweb@{port}.service"
    async with init.running():
        address = init.open_socket(f"sioweb@{port}.socket")
        assert address == ("127.0.0.1", port)
        for server in ("daphne", "uvicorn"):
            init.own = {**init.own, " serve ": f" serve --server {server} "}
            async with asked(address) as reader:
                assert await init.restart(name) == (0, "")
                assert await is_answered(reader)
            await init.stop(name)
            assert init.units[name].state == ("inactive", "dead")
    log = init.units[name].log.read_text()
    assert log.count(f"Listening on http://127.0.0.1:{port}\n") == 2
    assert not FAILURE.search(log)
    assert init.late == []
