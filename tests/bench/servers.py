"""What is measured: the processes of a side, and the Redis that both sides use.

A `Side` knows how to start its server; a `Running` is one that runs, of one or more
processes. Memory is read from /proc.
"""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import yaml
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.e2e.service import FOREIGN_VARIABLES, LISTENING
from tests.faults.processes import cpu_seconds, free_port

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
SITE = "bench"
KEY = "the-key-of-the-bench"
METRICS_TOKEN = "the-token-of-the-bench"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
IDLE_CHECK_SECONDS = 0.2
IDLE_CHECKS = 100
IDLE_SHARE = 0.1  # of one processor
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Running:
    """The processes of one side: where they listen, and what they use."""

    ports: tuple[int, ...]
    pids: tuple[int, ...]

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(pid) for pid in self.pids)

    async def until_idle(self) -> None:
        """Wait until it has done what is left of the step before, such as forgetting clients."""
        used = self.cpu_seconds()
        for _ in range(IDLE_CHECKS):
            await asyncio.sleep(IDLE_CHECK_SECONDS)
            now = self.cpu_seconds()
            if now - used <= IDLE_SHARE * IDLE_CHECK_SECONDS:
                return
            used = now

    def rss_bytes(self) -> int:
        return sum(rss_bytes(pid) for pid in self.pids)


@dataclass(frozen=True)
class Surroundings:
    """What a server has to know."""

    folder: Path
    redis_url: str
    auth_url: str


@dataclass(frozen=True)
class Side:
    """One of the two that are compared; project None = a program of this folder."""

    name: str
    project: Path | None = None
    _: KW_ONLY
    command: tuple[str, ...] = ("node", str(HERE / "peer.js"))
    server: str = "daphne"

    @asynccontextmanager
    async def running(self, around: Surroundings, processes: int = 1) -> AsyncIterator[Running]:
        started: list[asyncio.subprocess.Process] = []
        try:
            workers = processes if self.project else 1
            for _ in range(processes // workers):
                started.append(await self._spawn(around, workers))
            ports = await asyncio.gather(*map(_port, started))
            pids = (process.pid for process in started) if workers == 1 else workers_of(started[0])
            yield Running(tuple(ports), tuple(pids))
        finally:
            await asyncio.gather(*map(end, started))

    async def _spawn(self, around: Surroundings, workers: int) -> asyncio.subprocess.Process:
        command, environment = (
            self._service(around, workers) if self.project else self._program(around)
        )
        with (around.folder / f"{self.name}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                env=environment,
                cwd=self.project or PROJECT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )

    def _program(self, around: Surroundings) -> tuple[list[str], dict[str, str]]:
        environment = os.environ | {
            "NODE_ENV": "production",
            "PORT": "0",
            "REDIS_URL": around.redis_url,
            "AUTH_URL": around.auth_url,
            "API_KEY": KEY,
        }
        return list(self.command), environment

    def _service(self, around: Surroundings, workers: int) -> tuple[list[str], dict[str, str]]:
        folder = around.folder / self.name
        write_config(folder, around)
        serve = ("serve", "--host", "127.0.0.1", "--port", "0", "--server", self.server)
        more = ("--workers", str(workers)) if workers > 1 else ()  # a base may not know it
        return [sys.executable, "manage.py", *serve, *more], service_environment(folder)


def write_config(folder: Path, around: Surroundings) -> None:
    folder.mkdir(exist_ok=True)
    site = {"authUrl": around.auth_url, "apiKey": KEY, "userRoomPrefix": "user_"}
    redis = {"url": around.redis_url, "prefix": folder.name}
    (folder / "sites.yml").write_text(yaml.safe_dump({SITE: site}))
    production = {"redis": redis, "metrics": {"token": METRICS_TOKEN}}
    (folder / "config.yml").write_text(yaml.safe_dump({"production": production}))


def service_environment(folder: Path) -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN_VARIABLES)}
    return own | {"SIOWEB_CONFIG_DIR": str(folder), "SIOWEB_DATA_DIR": str(folder / "data")}


@asynccontextmanager
async def redis_server(folder: Path) -> AsyncIterator[str]:
    """Start a Redis that writes nothing to disk; yield its URL."""
    port = free_port()
    options = {"port": str(port), "bind": "127.0.0.1", "dir": str(folder), "save": ""}
    options |= {"appendonly": "no", "maxclients": "10000", "tcp-backlog": "511"}
    process = await asyncio.create_subprocess_exec(
        *(
            _redis_program(),
            *(part for key, value in options.items() for part in (f"--{key}", value)),
        ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    url = f"redis://127.0.0.1:{port}/0"
    try:
        await _until_redis_answers(url)
        yield url
    finally:
        await end(process)


async def flush(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()


def workers_of(process: asyncio.subprocess.Process) -> list[int]:
    """The processes that serve for this one."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
    return [pid for pid, command in commands.items() if b"--worker\0" in command]


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


async def end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _redis_program() -> str:
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError(
            "redis-server is not in PATH; on Debian: apt-get install redis-server"
        )
    return program


async def _until_redis_answers(url: str) -> None:
    async with asyncio.timeout(START_SECONDS), Redis.from_url(url) as redis:
        while True:
            try:
                await redis.ping()
            except (RedisError, OSError):
                await asyncio.sleep(0.02)
            else:
                return


async def _port(process: asyncio.subprocess.Process) -> int:
    """Read the line that says where it listens."""
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), START_SECONDS)).decode()
    if not line.startswith(LISTENING):
        raise RuntimeError(f"the server did not start, it said {line!r}")
    return int(line.rpartition(":")[2])
