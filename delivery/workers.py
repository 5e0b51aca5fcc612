"""Several processes behind one port, kept running by one that does nothing else.

A process that ends is started again; SIGHUP replaces one after the other by new ones, SIGTERM
and SIGINT end all of them. `serve` makes one of these for `--workers`.
"""

import asyncio
import logging
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from delivery.daphne_doorway import BACKLOG

logger = logging.getLogger(__name__)

RESTART_SECONDS = 1.0  # between the end of a worker and the start of the next
STOP_SECONDS = 35.0  # a drain takes 30 at most
LISTENING = "Listening on"  # what each says once it is ready


class WorkerFailed(Exception):
    """A worker ended before it was ready; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"A worker ended with exit code {code}")
        self.code = code


def leave_with_parent(leave: Callable[[], None]) -> None:
    """In a worker: its standard input ends with the process that started it, also when that
    was killed."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(sys.stdin)
        leave()

    loop.add_reader(sys.stdin, end)


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """Open as many sockets on one port, among which the kernel shares out what comes. They stay
    open here: what comes while a worker is started again waits for it.

    Raises OSError, also when the port is another service's that shares it in the same way.
    """
    with socket.create_server((host, port)) as probe:
        address = probe.getsockname()
    return [socket.create_server(address, backlog=BACKLOG, reuse_port=True) for _ in range(count)]


@dataclass
class Workers:
    """`command` is what each runs, `serve` with its options."""

    command: Sequence[str]
    listeners: Sequence[socket.socket]  # one for each
    _mail: list[tuple[socket.socket, socket.socket]] = field(default_factory=list)
    _processes: dict[int, Process] = field(default_factory=dict)
    _draining: list[Process] = field(default_factory=list)  # the old one, while it is replaced
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: "list[asyncio.Task[None]]" = field(default_factory=list)
    _replacing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def _numbers(self) -> range:
        return range(len(self.listeners))

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Return when all have ended after a signal. Raises WorkerFailed when one does not
        start; the others are ended then."""
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._stopping.set)
        # Each has a mailbox, in which the others put connections that are for it.
        self._mail = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in self._numbers]
        try:
            if await self._has_started():
                self._tasks = [asyncio.create_task(self._keep(number)) for number in self._numbers]
                loop.add_signal_handler(signal.SIGHUP, self._replace_soon)
                on_ready()
                await self._stopping.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._stop_all()

    async def _has_started(self) -> bool:
        """False when a signal comes first. Raises WorkerFailed."""
        starting = asyncio.gather(*map(self._start, self._numbers))
        stopping = asyncio.create_task(self._stopping.wait())
        either: set[asyncio.Future[Any]] = {starting, stopping}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not starting.done():
            starting.cancel()
            return False
        await starting
        return True

    async def _start(self, number: int) -> Process:
        """Return once it is ready. Raises WorkerFailed."""
        sockets = [self.listeners[number], self._mail[number][0], *(box for _, box in self._mail)]
        files = [each.fileno() for each in sockets]
        mail = ",".join(map(str, files[1:]))
        process = await asyncio.create_subprocess_exec(
            *self.command,
            *("--fd", str(files[0]), "--worker", str(number), "--mail", mail),
            stdin=PIPE,  # which ends with this process, and then the worker does, too
            stdout=PIPE,
            pass_fds=files,
            start_new_session=True,  # Ctrl-C is for this process, which tells the workers once
        )
        self._processes[number] = process
        if not await _is_ready(process):
            raise WorkerFailed(await process.wait())
        return process

    async def _keep(self, number: int) -> None:
        """Start it again whenever it ends by itself."""
        while True:
            process = self._processes[number]
            code = await process.wait()
            async with self._replacing:
                if self._processes[number] is not process:
                    continue
                logger.error("Worker %d ended with exit code %d, starting it again", number, code)
                await asyncio.sleep(RESTART_SECONDS)
                try:
                    await self._start(number)
                except (WorkerFailed, OSError) as error:
                    logger.error("Worker %d was not ready: %s", number, error)

    def _replace_soon(self) -> None:
        self._tasks.append(asyncio.create_task(self._replace_all()))

    async def _replace_all(self) -> None:
        """One after the other: the new one is ready before the old one drains."""
        for number in self._numbers:
            async with self._replacing:
                old = self._processes[number]
                self._draining = [old]  # a stop in the midst of this is for both
                try:
                    await self._start(number)
                except (WorkerFailed, OSError) as error:
                    logger.error("The old workers stay: %s", error)
                    self._processes[number] = old
                    return
                _tell_to_stop(old)
                await old.wait()
        logger.info("All workers are new")

    async def _stop_all(self) -> None:
        processes = {*self._processes.values(), *self._draining}
        running = [each for each in processes if each.returncode is None]
        for process in running:
            _tell_to_stop(process)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.gather(*(process.wait() for process in running))
        except TimeoutError:
            for process in running:
                if process.returncode is None:
                    logger.error("Worker with pid %d is killed: it did not end", process.pid)
                    process.kill()


async def _is_ready(process: Process) -> bool:
    stdout: asyncio.StreamReader = process.stdout  # type: ignore[assignment]  # it is a pipe
    async for line in stdout:
        if line.startswith(LISTENING.encode()):
            return True
    return False


def _tell_to_stop(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
