"""The settings of a fabfile, checked: where the servers are and what runs there."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from config.deploy.rollout.exceptions import Failure

# Within the new release's folder; `{python}` is the setting. The packages and their hashes are
# those of the lock, uv's own as well.
BUILD = (
    "{python} -m venv .venv",
    ".venv/bin/pip install --quiet --require-hashes -r requirements/uv.txt",
    ".venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python"
    " --require-hashes -r requirements/production.txt",
    # The service may not write into its release.
    ".venv/bin/python -m compileall -q delivery sites sioweb_project",
)
PATH = re.compile(r"/[\w./-]+")
NAME = re.compile(r"[a-z_][\w-]*")


@dataclass(frozen=True)
class Environment:
    """One key of ENVIRONMENTS; the fields are what may be set there."""

    hosts: tuple[str, ...]
    ports: tuple[int, ...]  # a process each, the same on every host
    repository: str = "."
    branch: str = "main"
    base: str = "/srv/sioweb"
    environment_file: str = "/etc/sioweb/sioweb.env"
    service_user: str = "sioweb"
    python: str = "python3"
    build: tuple[str, ...] = BUILD
    unit: str = "sioweb@{port}.service"
    restart: str = "sudo -n systemctl restart {unit}"
    ready_seconds: int = 60
    keep_releases: int = 5

    @classmethod
    def read(cls, name: str, settings: Any) -> Self:
        """Raises Failure, naming the setting, its value and what is accepted."""
        if not isinstance(settings, Mapping):
            raise _refusal(name, settings, "settings by name, such as {'hosts': [...]}")
        known = [field.name for field in fields(cls)]
        for setting in settings:
            if setting not in known:
                raise Failure(f"{name}: no such setting: {setting!r}; known: {', '.join(known)}")
        for setting in ("hosts", "ports"):
            if setting not in settings:
                raise Failure(f"{name}.{setting}: missing; accepted: {ACCEPTED[setting][1]}")
        return cls(**{key: _checked(f"{name}.{key}", key, settings[key]) for key in settings})

    @property
    def as_service(self) -> str:
        """What stands before a command that the service's user runs."""
        return f"sudo -n -u {self.service_user}"

    def unit_of(self, port: int) -> str:
        return self.unit.replace("{port}", str(port))

    def restart_of(self, port: int) -> str:
        return self.restart.replace("{unit}", self.unit_of(port))


def _checked(name: str, setting: str, value: Any) -> Any:
    is_accepted, accepted = ACCEPTED[setting]
    if not is_accepted(value):
        raise _refusal(name, value, accepted)
    return tuple(value) if isinstance(value, list | tuple) else value


def _refusal(name: str, value: Any, accepted: str) -> Failure:
    return Failure(f"{name}: {value!r}; accepted: {accepted}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and PATH.fullmatch(value) is not None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _is_count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 3600


def _is_port(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 65535


def _has(part: str) -> Callable[[Any], bool]:
    return lambda value: _is_text(value) and part in value


def _list_of(is_accepted: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """None twice: a process would be restarted twice."""

    def is_list(value: Any) -> bool:
        return (
            isinstance(value, list | tuple)
            and len(value) > 0
            and all(map(is_accepted, value))
            and len(set(value)) == len(value)
        )

    return is_list


# setting -> whether a value is accepted, and what is
ACCEPTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "hosts": (_list_of(_is_text), 'different servers, such as ["deploy@example.net"]'),
    "ports": (_list_of(_is_port), "different ports, such as [1337, 1338]"),
    "repository": (_is_text, 'a folder or URL of git; "." is this checkout'),
    "branch": (_is_text, "a branch, tag or commit"),
    "base": (_is_path, "an absolute path without spaces, such as /srv/sioweb"),
    "environment_file": (_is_path, "an absolute path without spaces"),
    "service_user": (_is_name, "a user of the server, such as sioweb"),
    "python": (_is_text, "a program, such as python3.11"),
    "build": (_list_of(_is_text), "commands that make .venv in a release's folder"),
    "unit": (_has("{port}"), "a unit's name with {port} in it"),
    "restart": (_has("{unit}"), "a command with {unit} in it"),
    "ready_seconds": (_is_count, "1 to 3600 seconds"),
    "keep_releases": (_is_count, "a number from 1 to 3600"),
}
