"""The programs of a run: Redis with an append-only file, and several processes of the service."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from redis.asyncio import Redis
from redis.exceptions import RedisError

from sioweb_project.redis_server import programs
from tests.e2e.service import LISTENING, MANAGE, Installation

START_SECONDS = 60.0
STOP_SECONDS = 30.0
RESTART_SECONDS = 0.5
ESTABLISHED = "01"  # in /proc/net/tcp
FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process; /proc/PID/stat would give it in steps of 10 ms."""
    clock = (~pid << 3) | 2  # as clock_getcpuclockid(3) makes it
    return time.clock_gettime(clock)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Program:
    """A process that is started, broken and started again."""

    arguments: list[str]
    environment: dict[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = None
    is_stopped: bool = False  # by SIGSTOP

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.arguments,
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=self._stdout(log),
                stderr=log,
            )
        await self._until_ready()

    async def end(self, sign: int) -> int:
        """Send the signal and wait; return the exit code."""
        assert self.process is not None
        self.resume()
        if self.process.returncode is None:
            self.process.send_signal(sign)
        return await asyncio.wait_for(self.process.wait(), STOP_SECONDS)

    def pause(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGSTOP)
            self.is_stopped = True

    def resume(self) -> None:
        if self.is_stopped and self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGCONT)
        self.is_stopped = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.kill()

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            if self.process is not None and self.process.returncode is None:
                self.resume()
                self.process.kill()
                await self.process.wait()

    def cpu_seconds(self) -> float:
        assert self.process is not None
        return cpu_seconds(self.process.pid)

    def highest_rss_mib(self) -> float:
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024

    def rss_mib(self) -> float:
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2

    def _stdout(self, log: IO[bytes]) -> IO[bytes] | int:
        return log

    async def _until_ready(self) -> None:
        raise NotImplementedError


@dataclass
class RedisProgram(Program):
    port: int = 0

    @classmethod
    def create(cls, folder: Path) -> "RedisProgram":
        folder.mkdir()
        port = free_port()
        options = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": str(folder),
            "appendonly": "yes",
            # What was answered is in the file: a killed server then loses nothing.
            "appendfsync": "always",
            "save": "",
        }
        arguments = [next(programs())] + [
            part for name, value in options.items() for part in (f"--{name}", value)
        ]
        return cls(arguments, dict(os.environ), folder / "log", port=port)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def _until_ready(self) -> None:
        async with asyncio.timeout(START_SECONDS), Redis.from_url(self.url) as client:
            while True:
                try:
                    await client.ping()
                except (RedisError, OSError):
                    await asyncio.sleep(0.05)
                else:
                    return


@dataclass
class ServiceProgram(Program):
    """`manage.py serve`; `memory` is sampled from outside, by start of the process."""

    port: int = 0
    memory: list[list[float]] = field(default_factory=list)  # MiB, of each life
    _is_serving: bool = False

    @classmethod
    def create(cls, installation: Installation, environment: dict[str, str]) -> "ServiceProgram":
        port = free_port()
        serve = ("serve", "--host", "127.0.0.1", "--port", str(port))
        arguments = [sys.executable, MANAGE, *serve]
        log = installation.folder / f"{port}.log"
        return cls(arguments, installation.environment() | environment, log, port=port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connections(self) -> int:
        """How many are open to it, as the system counts."""
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        fields = [line.split()[1:4] for line in lines]
        here = f":{self.port:04X}"
        return sum(local.endswith(here) and state == ESTABLISHED for local, _, state in fields)

    async def start(self) -> None:
        """As an init system does: again, when it has ended because there was no Redis."""
        async with asyncio.timeout(START_SECONDS):
            while True:
                await super().start()
                assert self.process is not None
                if self.process.returncode is None:
                    break
                await asyncio.sleep(RESTART_SECONDS)
        self.memory.append([])
        self._is_serving = True

    async def end(self, sign: int) -> int:
        self._is_serving = False
        return await super().end(sign)

    def sample_memory(self) -> None:
        if self._is_serving:
            self.memory[-1].append(self.rss_mib())

    def _stdout(self, log: IO[bytes]) -> IO[bytes] | int:
        return asyncio.subprocess.PIPE

    async def _until_ready(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line.startswith(LISTENING.encode()):
            await self.process.wait()


def clock_environment(folder: Path) -> tuple[dict[str, str], Path | None]:
    """Variables that make a program read its clock from a file, and that file; none without
    libfaketime. Redis does not start with it."""
    if FAKETIME is None or shutil.which("faketime") is None:
        return {}, None
    clock = folder / "clock"
    clock.write_text("+0s\n")
    variables = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_CACHE_DURATION": "1",
    }
    return variables, clock
