"""A Redis server or sentinel in a process of the test's own, from Debian's packages.

Every server appends to a file, so that one that is brought back has what it had.
"""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tests.e2e.waiting import until
from tests.needs import missing

PROGRAMS = ("redis-server", "redis-sentinel", "openssl")
PASSWORD = "p@ss/word:1"
FAILOVER_SECONDS = 30.0  # far more than one takes
# A server that is killed has written what it has answered; that the disk has it, which may take
# seconds beside other tests, matters to a machine that dies.
SERVER_CONFIG = f"""
bind 127.0.0.1
save ""
appendonly yes
appendfsync no
requirepass {PASSWORD}
masterauth {PASSWORD}
repl-diskless-sync yes
repl-diskless-sync-delay 0
"""

# Each is given once, and each process of a run has its own: one whose server was killed must not be
# that of another's server, which has the same password.
PORTS, PORTS_OF_PROCESS = range(20_000, 32_000), 1_000
_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_first = _process * PORTS_OF_PROCESS % len(PORTS)
_ports = itertools.chain(PORTS[_first:], PORTS[:_first])


def require_redis() -> None:
    """Skip the test on a machine without the servers; in CI that is a failure."""
    lacking = [program for program in PROGRAMS if not shutil.which(program)]
    if lacking:
        missing(f"Debian's redis-server and redis-sentinel: no {', '.join(lacking)}")


@dataclass
class RedisProcess:
    """A server or sentinel; its configuration file is its own to rewrite."""

    folder: Path
    config: str
    arguments: tuple[str, ...] = ()
    password: str = PASSWORD
    port: int = field(default_factory=lambda: free_port())
    tls: dict[str, Any] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    async def start(self) -> None:
        self.spawn()
        await until(self.answers, f"{self.folder} answers")

    def spawn(self) -> None:
        file = self.folder / "redis.conf"
        if not file.exists():
            self.folder.mkdir()
            port = "" if self.tls else f"port {self.port}\n"
            file.write_text(f"{port}dir {self.folder}\nlogfile log\n{self.config}")
        command = ["redis-server", str(file), *self.arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def signal(self, sign: int) -> None:
        assert self.process is not None
        self.process.send_signal(sign)
        if sign == signal.SIGKILL:
            self.process.wait()

    async def bring_back(self) -> None:
        if self.is_running:
            self.signal(signal.SIGCONT)
            await until(self.answers, f"{self.folder} answers")
        else:
            await self.start()

    async def command(self, *words: str | int) -> Any:
        """Run one command, on a connection of its own."""
        client = Redis(
            host="127.0.0.1", port=self.port, password=self.password, decode_responses=True,
            socket_timeout=5, retry=Retry(NoBackoff(), 0), **self.tls,
        )  # fmt: skip
        async with client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]

    async def info(self, name: str) -> str:
        """One value of INFO or CLUSTER INFO, "" = it is not there."""
        section: Any = await self.command("INFO")
        if isinstance(section, str):
            section = dict(line.split(":", 1) for line in section.splitlines() if ":" in line)
        return str(section.get(name, ""))

    async def answers(self) -> bool:
        assert self.is_running, (self.folder / "log").read_text()
        try:
            return bool(await self.command("PING"))
        except (RedisError, OSError):
            return False

    async def is_master(self) -> bool:
        try:
            return await self.info("role") == "master"
        except (RedisError, OSError):
            return False


@contextmanager
def temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sioweb-topology-") as folder:
        yield Path(folder)


@contextmanager
def ending(servers: list[RedisProcess]) -> Iterator[None]:
    try:
        yield
    finally:
        for server in servers:
            if server.is_running:
                server.signal(signal.SIGKILL)


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to clients."""
    for port in _ports:
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")
