"""What stands in for systemd on the server of these tests: as much as a deploy asks of it.

It starts the units of `config/deploy/systemd/`, as children of the test process, so that they end
with it. On the server's PATH there are a `systemctl` that tells it what to do over a Unix socket,
and a `sudo` that lets it.
"""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.running_unit import RunningUnit
from tests.deploy.units import ServiceUnit, SocketUnit
from tests.shipped import shipped

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
SHOWN_CHARACTERS = 2000  # of a log


@dataclass
class InitSystem:
    folder: Path
    own: Mapping[str, str]  # what stands in the units in place of what is shipped
    units: dict[str, RunningUnit] = field(default_factory=dict)  # by name
    restarts: list[str] = field(default_factory=list)  # names, in order
    late: list[str] = field(default_factory=list)  # those that had to be killed
    _sockets: dict[str, socket.socket] = field(default_factory=dict)  # by name of their service

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
            await asyncio.gather(*map(self.stop, self.units))
            for listener in self._sockets.values():
                listener.close()

    def open_socket(self, name: str) -> tuple[str, int]:
        """Start a socket unit; return its address."""
        unit = SocketUnit.read(name, self._text(name))
        service = name.replace(".socket", ".service")
        self._sockets[service] = socket.create_server(unit.address, backlog=unit.backlog)
        return unit.address

    async def restart(self, name: str) -> tuple[int, str]:
        """Exit code and words of `systemctl restart`, which waits until the unit is ready."""
        self.restarts.append(name)
        await self.stop(name)
        unit = ServiceUnit.read(name, self._text(name))
        running = RunningUnit(unit, self.folder, self._sockets.get(name))
        self.units[name] = running
        if await running.start():
            return 0, ""
        return 1, f"Job for {name} failed because the control process exited with error code.\n"

    async def stop(self, name: str) -> None:
        if name in self.units:
            await self.units[name].stop()
            if self.units[name].was_killed and name not in self.late:
                self.late.append(name)

    def _text(self, name: str) -> str:
        """Of the template."""
        kind, _, instance = name.partition("@")
        file = f"systemd/{kind}@.{instance.rpartition('.')[2]}"
        return shipped(file, self.own if name.endswith(".service") else {})

    def _write(self, name: str, text: str) -> None:
        program = self.programs / name
        program.write_text(text)
        program.chmod(0o755)

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, *arguments = json.loads(await reader.readline())
        name = arguments[-1]
        answer: tuple[int, str] = (1, f"no such command: {verb}\n")
        if verb == "restart":
            answer = await self.restart(name)
        elif verb == "show":
            answer = 0, self._show(name)
        elif verb == "status":
            answer = 3, self._log_of(name)
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    def _log_of(self, name: str) -> str:
        unit = self.units.get(name)
        return unit.log.read_text()[-SHOWN_CHARACTERS:] if unit else f"{name} is not loaded\n"

    def _show(self, name: str) -> str:
        unit = self.units.get(name)
        active, sub = unit.state if unit else ("inactive", "dead")
        since = f"{unit.active_since:%a %F %T} UTC" if unit and unit.active_since else ""
        return (
            f"ActiveState={active}\nSubState={sub}\nMainPID={unit.pid if unit else 0}\n"
            f"ActiveEnterTimestamp={since}\n"
        )
