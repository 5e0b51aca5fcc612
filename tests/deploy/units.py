"""The shipped units, as systemd reads them: as much of its language as they use.

What a unit says and this does not know is refused, so that none comes to say what no test does.
"""

import re
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.deploy.rollout.remote.with_environment import variables

# Of these one value is known here. It has to stand there, and is what `running_unit` does.
ONLY_KNOWN = {
    "Unit.StartLimitIntervalSec": "0",
    "Service.Type": "notify",
    "Service.KillMode": "mixed",
    "Service.Restart": "on-failure",
    "Service.StandardOutput": "journal",
    "Service.StandardError": "journal",
}
# Of no effect when a single unit is restarted.
BESIDE = {
    "Unit.Description",
    "Unit.Documentation",
    "Unit.After",
    "Unit.Wants",
    "Unit.PartOf",
    "Install.WantedBy",
}
# Takes a system's user, namespaces and filters of calls: `make production-guide` has them.
TAKES_A_SYSTEM = {
    "User", "Group", "ProtectSystem", "ReadWritePaths", "PrivateTmp", "PrivateDevices",
    "ProtectHome", "ProtectProc", "ProtectClock", "ProtectControlGroups", "ProtectHostname",
    "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "RemoveIPC",
    "NoNewPrivileges", "CapabilityBoundingSet", "AmbientCapabilities", "LockPersonality",
    "MemoryDenyWriteExecute", "PrivateUsers", "RestrictAddressFamilies", "RestrictNamespaces",
    "RestrictRealtime", "RestrictSUIDSGID", "SystemCallArchitectures", "SystemCallFilter",
    "SystemCallErrorNumber",
}  # fmt: skip
LEFT_OUT = BESIDE | {f"Service.{name}" for name in TAKES_A_SYSTEM}
NEW_VALUE = re.compile(r"(?P<name>[A-Za-z]+)\s*=\s*(?P<value>.*)")
SECTION = re.compile(r"\[(?P<name>[A-Z][a-z]+)\]")
ADDRESS = re.compile(r"(?P<host>[\d.]+):(?P<port>\d+)")


class UnitError(Exception):
    """A unit says what is not known here."""


@dataclass(frozen=True)
class ServiceUnit:
    name: str
    command: tuple[str, ...]
    folder: Path
    assigned: Mapping[str, str]  # by Environment=
    environment_files: tuple[Path, ...]
    kill_signal: signal.Signals
    start_seconds: float
    stop_seconds: float
    restart_seconds: float
    final_codes: frozenset[int]  # after which it is not started again
    umask: int
    open_files: int
    log_name: str

    @classmethod
    def read(cls, name: str, text: str) -> "ServiceUnit":
        """Raises UnitError; `name` is such as sioweb@1337.service."""
        settings = _Settings.read(name, text)
        for setting, known in ONLY_KNOWN.items():
            if (value := settings.one(setting)) != known:
                raise UnitError(f"{setting}={value}: known is {known}")
        unit = cls(
            name,
            command=_command(settings.one("Service.ExecStart")),
            folder=_path(settings.one("Service.WorkingDirectory")),
            assigned=_assigned(settings.all("Service.Environment")),
            environment_files=tuple(map(_path, settings.all("Service.EnvironmentFile"))),
            kill_signal=signal.Signals[settings.one("Service.KillSignal")],
            start_seconds=_timeout(settings.one("Service.TimeoutStartSec")),
            stop_seconds=_timeout(settings.one("Service.TimeoutStopSec")),
            restart_seconds=_number(settings.one("Service.RestartSec")),
            final_codes=frozenset({_number(settings.one("Service.RestartPreventExitStatus"))}),
            umask=_number(settings.one("Service.UMask"), base=8),
            open_files=_number(settings.one("Service.LimitNOFILE")),
            log_name=settings.one("Service.SyslogIdentifier"),
        )
        settings.refuse_the_rest()
        return unit

    def environment(self) -> dict[str, str]:
        """What the files say wins. Raises UnitError where they may not be read as they are by the
        deploy."""
        told = dict(self.assigned)
        for file in self.environment_files:
            text = file.read_text()
            if "\\" in text:
                raise UnitError(f"{file}: a \\ is not known here")
            told |= dict(variables(text))
        return told


@dataclass(frozen=True)
class SocketUnit:
    name: str
    address: tuple[str, int]
    backlog: int

    @classmethod
    def read(cls, name: str, text: str) -> "SocketUnit":
        settings = _Settings.read(name, text)
        address = ADDRESS.fullmatch(listen := settings.one("Socket.ListenStream"))
        if not address:
            raise UnitError(f"ListenStream={listen}: known are IPv4 addresses with a port")
        backlog = _number(settings.one("Socket.Backlog"))
        settings.refuse_the_rest()
        return cls(name, (address["host"], int(address["port"])), backlog)


@dataclass(frozen=True)
class _Settings:
    """What is not asked for with `one` or `all` is refused in the end."""

    values: dict[str, list[str]]  # by section and name, such as Service.User

    @classmethod
    def read(cls, name: str, text: str) -> "_Settings":
        section, values = "", dict[str, list[str]]()
        for line in map(str.strip, text.splitlines()):
            if not line or line[0] in "#;":
                continue
            if header := SECTION.fullmatch(line):
                section = header["name"]
                continue
            setting = NEW_VALUE.fullmatch(line)
            if not section or not setting or line.endswith("\\"):
                raise UnitError(f"{name}: {line}")
            given = values.setdefault(f"{section}.{setting['name']}", [])
            given.append(_specified(name, setting["value"]))
        return cls(values)

    def one(self, name: str) -> str:
        values = self.values.pop(name, [])
        if len(values) != 1:
            raise UnitError(f"{name}: one value is due, not {values}")
        return values[0]

    def all(self, name: str) -> list[str]:
        return self.values.pop(name, [])

    def refuse_the_rest(self) -> None:
        for name, values in self.values.items():
            if name not in LEFT_OUT:
                raise UnitError(f"{name}={', '.join(values)} is not known here")


def _specified(unit: str, value: str) -> str:
    """
    >>> _specified("sioweb@1337.service", "port %i")
    'port 1337'
    """
    instance = unit.partition("@")[2].rpartition(".")[0]
    specified = value.replace("%i", instance)
    if "%" in specified:
        raise UnitError(f"{value}: only %i is known here")
    return specified


def _command(line: str) -> tuple[str, ...]:
    words = tuple(shlex.split(line))
    if not words[0].startswith("/") or re.search(r"[$\\;]", line):
        raise UnitError(f"ExecStart={line}: known are a program's path and plain arguments")
    return words


def _path(text: str) -> Path:
    if not text.startswith("/"):
        raise UnitError(f"{text}: known are absolute paths")
    return Path(text)


def _assigned(lines: list[str]) -> dict[str, str]:
    pairs = [word.partition("=") for line in lines for word in shlex.split(line)]
    return {name: value for name, _, value in pairs}


def _timeout(text: str) -> int:
    if (seconds := _number(text)) == 0:
        raise UnitError("0 would be no limit, which is not known here")
    return seconds


def _number(text: str, base: int = 10) -> int:
    try:
        return int(text, base)
    except ValueError:
        raise UnitError(f"{text}: known are plain numbers") from None
