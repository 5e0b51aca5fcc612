"""A unit that runs: started, watched, started again when it has failed, ended, as systemd does."""

import asyncio
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.deploy.units import ServiceUnit, UnitError

READY = b"READY=1"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # systemd's own
CLEAN = (0, *(-sign for sign in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)))
# The number of the process must stand in its environment, and the socket be file 3.
WITH_SOCKET = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""

State = tuple[str, str]  # ActiveState, SubState


@dataclass
class RunningUnit:
    unit: ServiceUnit
    folder: Path  # of its log, and of the socket by which it says that it is ready
    listener: socket.socket | None  # of its socket unit
    state: State = ("inactive", "dead")
    active_since: datetime | None = None
    was_killed: bool = False  # as it did not end in TimeoutStopSec=
    _process: asyncio.subprocess.Process | None = None
    _watch: "asyncio.Task[None] | None" = None
    _is_to_end: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.unit.log_name}.log"

    @property
    def pid(self) -> int:
        """0 = there is no process."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def start(self) -> bool:
        """Return whether it has said that it is ready. If not it is started again all the same,
        RestartSec= later, unless its exit code says that this is of no use."""
        is_up: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._watch = asyncio.create_task(self._live(is_up))
        either: set[asyncio.Future[Any]] = {is_up, self._watch}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return is_up.done() and is_up.result()

    async def stop(self) -> None:
        """A second call is harmless. Raises what has kept it from being started."""
        assert self._watch is not None
        self._is_to_end.set()
        self._signal(self.unit.kill_signal)
        _, late = await asyncio.wait({self._watch}, timeout=self.unit.stop_seconds)
        if late:
            self.was_killed = True
            self._signal(signal.SIGKILL)
        await self._watch

    async def _live(self, is_up: "asyncio.Future[bool]") -> None:
        while True:
            code = await self._live_once(is_up)
            self.state = ("inactive", "dead") if code in CLEAN else ("failed", "failed")
            if not is_up.done():
                is_up.set_result(False)
            if code in CLEAN or code in self.unit.final_codes or self._is_to_end.is_set():
                return
            self.state = ("activating", "auto-restart")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_to_end.wait(), self.unit.restart_seconds)
                self.state = ("inactive", "dead")
                return

    async def _live_once(self, is_up: "asyncio.Future[bool]") -> int:
        """From its start to its end; return its exit code."""
        self.state = ("activating", "start")
        with self._hearing() as notified:
            process = self._process = await self._spawn()
            if self._is_to_end.is_set():
                self._signal(self.unit.kill_signal)
            ended = asyncio.create_task(process.wait())
            told = asyncio.create_task(asyncio.get_running_loop().sock_recv(notified, 100))
            either: set[asyncio.Future[Any]] = {ended, told}
            limit = self.unit.start_seconds
            done, _ = await asyncio.wait(either, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if told in done:
                self._is_ready(told.result(), is_up)
            elif not done:
                self._signal(signal.SIGKILL)
            told.cancel()
            code = await ended
        with suppress(ProcessLookupError):  # KillMode=mixed: what it has started ends with it
            os.killpg(process.pid, signal.SIGKILL)
        return code

    def _is_ready(self, told: bytes, is_up: "asyncio.Future[bool]") -> None:
        if told != READY:
            raise UnitError(f"{self.unit.name} says {told!r}: known is {READY!r}")
        self.state, self.active_since = ("active", "running"), datetime.now(UTC)
        if not is_up.done():
            is_up.set_result(True)

    async def _spawn(self) -> asyncio.subprocess.Process:
        command, handed_over = list(self.unit.command), []
        if self.listener is not None:
            handed_over = [self.listener.fileno()]
            command = [sys.executable, "-c", WITH_SOCKET, *map(str, handed_over), *command]
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self.unit.folder,
                env={"PATH": PATH, **self.unit.environment(), "NOTIFY_SOCKET": str(self._notify)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=self.unit.umask,
                pass_fds=handed_over,
                start_new_session=True,
            )
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, self._open_files())
        return process

    def _open_files(self) -> tuple[int, int]:
        """LimitNOFILE=, as far as who runs the tests may give it."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.unit.open_files
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        return limit, limit

    @property
    def _notify(self) -> Path:
        return self.folder / f"{self.unit.log_name}.notify"

    @contextmanager
    def _hearing(self) -> Iterator[socket.socket]:
        self._notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(str(self._notify))
            notified.setblocking(False)
            yield notified

    def _signal(self, sign: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(sign)
