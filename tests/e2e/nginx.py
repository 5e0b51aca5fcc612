"""A real nginx in front of processes of the service: one address for clients and senders."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientError, ClientSession

from tests.e2e.service import STOP_SECONDS
from tests.e2e.waiting import until
from tests.needs import missing
from tests.redis_process import free_port

TEMP_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
# One process, which needs no user to change to. A server that refused a connection is asked again
# by the next one: with nginx' own ten seconds of distrust, the first to be restarted would still
# be shunned while the second is away. `non_idempotent` lets a POST go to the other process when
# its connection breaks: senders bring an Idempotency-Key.
CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  {temp_paths}
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  upstream service {{
    least_conn;
    {servers}
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_next_upstream error timeout non_idempotent;
      proxy_connect_timeout 5s;
      proxy_read_timeout 60s;
    }}
  }}
}}
"""


def require_nginx() -> None:
    """Skip the test where nginx is missing; in CI that is a failure."""
    if not shutil.which("nginx"):
        missing("Debian's nginx")


@asynccontextmanager
async def nginx(folder: Path, ports: Sequence[int]) -> AsyncIterator[str]:
    """The URL of an nginx in front of these ports."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with nginx_of(_config(folder, port, ports), folder, url):
        yield url


@asynccontextmanager
async def nginx_of(config: str, folder: Path, url: str) -> AsyncIterator[None]:
    """An nginx with this configuration in a folder that is made for it; it answers at `url`."""
    require_nginx()
    _write(config, folder)
    process = await asyncio.create_subprocess_exec(
        *("nginx", "-p", str(folder), "-c", "nginx.conf", "-e", str(folder / "error.log")),
    )
    try:
        await _until_it_answers(url, process, folder)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), STOP_SECONDS)


def _write(config: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(config)


def temp_paths(folder: Path) -> str:
    """Where nginx puts what it does not keep in memory, in place of the system's folders."""
    return " ".join(f"{name}_temp_path {folder}/{name};" for name in TEMP_PATHS)


def _config(folder: Path, port: int, ports: Sequence[int]) -> str:
    servers = " ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ports)
    return CONFIG.format(folder=folder, port=port, temp_paths=temp_paths(folder), servers=servers)


async def _until_it_answers(url: str, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with ClientSession() as http:

        async def does() -> bool:
            assert process.returncode is None, (folder / "error.log").read_text()
            try:
                async with http.get(f"{url}/healthcheck", ssl=False) as response:
                    return response.status > 0
            except (ClientError, OSError):
                return False

        await until(does, "nginx answers")
