"""What stands in for systemd on the server of these tests: as much as a deploy asks of it.

The units are started by the test process, so that they end with it. On the server's PATH there
are a `systemctl` that tells it what to do over a Unix socket, and a `sudo` that lets it. A unit
is `sioweb@PORT.service`; its command is that of `config/deploy/`, and it reads the same file of
variables.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from config.deploy.rollout.remote.with_environment import variables
from tests.e2e.service import STOP_SECONDS

SYSTEMCTL = """#!{python}
import json, socket, sys
with socket.socket(socket.AF_UNIX) as control:
    control.connect({control!r})
    control.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    code, text = json.loads(control.makefile().readline())
sys.stdout.write(text)
sys.exit(code)
"""
# `-l COMMAND` asks whether it is allowed; `-u USER` is whom these tests run as.
SUDO = """#!/bin/sh
[ "$1" = -n ] && shift
[ "$1" = -l ] && exit 0
[ "$1" = -u ] && shift 2
exec "$@"
"""


@dataclass
class Unit:
    process: asyncio.subprocess.Process
    started_at: datetime
    log: Path

    @property
    def state(self) -> tuple[str, str]:
        code = self.process.returncode
        if code is None:
            return "active", "running"
        return ("inactive", "dead") if code == 0 else ("failed", "failed")

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


@dataclass
class InitSystem:
    folder: Path
    base: Path
    environment_file: Path
    units: dict[int, Unit] = field(default_factory=dict)  # by port
    restarts: list[int] = field(default_factory=list)  # ports, in order

    @property
    def programs(self) -> Path:
        return self.folder / "bin"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.programs.mkdir(parents=True)
        control = str(self.folder / "control")
        self._write("systemctl", SYSTEMCTL.format(python=sys.executable, control=control))
        self._write("sudo", SUDO)
        server = await asyncio.start_unix_server(self._obey, control)
        try:
            yield
        finally:
            server.close()
            await asyncio.gather(*(unit.stop() for unit in self.units.values()))

    def _write(self, name: str, text: str) -> None:
        program = self.programs / name
        program.write_text(text)
        program.chmod(0o755)

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, *arguments = json.loads(await reader.readline())
        port = int(arguments[-1].removeprefix("sioweb@").removesuffix(".service"))
        answer: tuple[int, str] = (1, f"no such command: {verb}\n")
        if verb == "restart":
            answer = await self._restart(port)
        elif verb == "show":
            answer = 0, self._show(port)
        elif verb == "status":
            answer = 3, self._log_of(port)
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    async def _restart(self, port: int) -> tuple[int, str]:
        """As a unit of Type=simple is: done as soon as the new process exists."""
        self.restarts.append(port)
        if port in self.units:
            await self.units[port].stop()
        release = (self.base / "current").resolve()
        log = self.folder / f"{port}.log"
        with log.open("ab") as stream:
            process = await asyncio.create_subprocess_exec(
                *(str(release / ".venv/bin/python"), "manage.py"),
                *("serve", "--host", "127.0.0.1", "--port", str(port)),
                cwd=release,
                env=self._environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        self.units[port] = Unit(process, datetime.now(UTC), log)
        return 0, ""

    def _environment(self) -> dict[str, str]:
        return dict(variables(self.environment_file.read_text())) | {"PATH": "/usr/bin:/bin"}

    def _log_of(self, port: int) -> str:
        unit = self.units.get(port)
        return unit.log.read_text()[-2000:] if unit else f"sioweb@{port}.service is not loaded\n"

    def _show(self, port: int) -> str:
        unit = self.units.get(port)
        if unit is None:
            return "ActiveState=inactive\nSubState=dead\nMainPID=0\nActiveEnterTimestamp=\n"
        active, sub = unit.state
        pid = unit.process.pid if unit.process.returncode is None else 0
        since = f"{unit.started_at:%a %Y-%m-%d %H:%M:%S} UTC"
        return (
            f"ActiveState={active}\nSubState={sub}\nMainPID={pid}\nActiveEnterTimestamp={since}\n"
        )
