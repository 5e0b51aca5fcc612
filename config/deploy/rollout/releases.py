"""Releases on a server: folders below `releases/`, one of which `current` leads to.

    releases/20261127-203000-5240b8d1c0/   REVISION: what it is; PREVIOUS: what ran before it
    current -> releases/20261127-203000-5240b8d1c0

Above `host`.
"""

import re
from datetime import UTC, datetime
from shlex import quote

from config.deploy.rollout.exceptions import Failure
from config.deploy.rollout.host import Host
from config.deploy.rollout.source import Source

NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{7,40}")
NEEDS = (  # command, what is wrong when it fails
    ("test -w {base}", "{base} is missing, or this user may not write to it"),
    ("{as_service} true", "sudo does not let this user run commands as {service_user}"),
    (
        "{as_service} test -r {environment_file}",
        "{environment_file} is missing, or {service_user} may not read it",
    ),
    (
        "{as_service} grep -q ^SIOWEB_CONFIG_DIR=. {environment_file}"
        " && {as_service} grep -q ^SIOWEB_DATA_DIR=. {environment_file}",
        "{environment_file} has to set SIOWEB_CONFIG_DIR and SIOWEB_DATA_DIR: configuration and"
        " data outlive a release",
    ),
    ("command -v tar", "tar is missing"),
    (
        "{python} -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))'",
        "{python} is missing, older than 3.11, or has no venv (Debian: python3-venv)",
    ),
)
SUDO = "sudo -n "


def new_name(source: Source) -> str:
    """
    >>> from pathlib import Path
    >>> bool(NAME.fullmatch(new_name(Source("5240b8d1c0" * 4, "", Path()))))
    True
    """
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{source.short_commit}"


def path_of(host: Host, release: str) -> str:
    return f"{host.environment.base}/releases/{release}"


def see_that_it_is_set_up(host: Host) -> None:
    """Raises Failure: better now than half-way."""
    settings = vars(host.environment) | {"as_service": host.environment.as_service}
    for command, problem in NEEDS:
        if not host.succeeds(command.format(**settings)):
            raise Failure(f"{host.name}: {problem.format(**settings)}")
    for port in host.environment.ports:
        restart = host.environment.restart_of(port)
        if restart.startswith(SUDO) and not host.succeeds(restart.replace(SUDO, f"{SUDO}-l ", 1)):
            raise Failure(f"{host.name}: sudo does not allow: {restart.removeprefix(SUDO)}")


def upload(host: Host, release: str, source: Source) -> None:
    folder = path_of(host, release)
    host.run(f"mkdir -p {folder}")
    host.put(source.archive, f"{folder}.tar.gz")
    host.run(f"tar -xzf {folder}.tar.gz -C {folder} && rm {folder}.tar.gz")
    revision = quote(f"{source.commit} {source.subject}")
    host.run(f"printf '%s\\n' {revision} >{folder}/REVISION")
    before = current(host)
    if before:
        host.run(f"echo {before} >{folder}/PREVIOUS")


def build(host: Host, release: str) -> None:
    for command in host.environment.build:
        own = command.replace("{python}", host.environment.python)
        host.run_while_connected(f"cd {path_of(host, release)} && {own}")


def manage(host: Host, release: str, arguments: str) -> str:
    """Run `manage.py` of the release, as the service is run; return what it writes to stdout."""
    command = [".venv/bin/python", "manage.py", *arguments.split()]
    program = host.program("with_environment.py", host.environment.environment_file, *command)
    command_line = f"cd {path_of(host, release)} && {host.environment.as_service} {program}"
    return host.run(command_line, called=f"manage.py {arguments}")


def current(host: Host) -> str:
    """The release that `current` leads to; "" = there is none yet."""
    link = host.run(f"readlink {host.environment.base}/current || true").strip()
    return link.rstrip("/").rpartition("/")[2]


def previous(host: Host, release: str) -> str:
    """The release that was current when this one was deployed; "" = none."""
    return host.run(f"cat {path_of(host, release)}/PREVIOUS 2>/dev/null || true").strip()


def revision(host: Host, release: str) -> str:
    return host.run(f"cat {path_of(host, release)}/REVISION 2>/dev/null || true").strip()


def is_there(host: Host, release: str) -> bool:
    return host.succeeds(f"test -d {path_of(host, release)}")


def switch(host: Host, release: str) -> None:
    """In one step: there is no moment without `current`."""
    current = f"{host.environment.base}/current"
    host.run(f"ln -sfn releases/{release} {current}.new && mv -T {current}.new {current}")


def remove(host: Host, release: str) -> None:
    host.run(f"rm -rf {path_of(host, release)} {path_of(host, release)}.tar.gz")


def prune(host: Host) -> list[str]:
    """Remove all but the current release and those before it, as many as are to be kept; also
    those that were rolled back. Return what is gone."""
    kept = [current(host)]
    while len(kept) < host.environment.keep_releases and (before := previous(host, kept[-1])):
        kept.append(before)
    listed = host.run(f"ls {host.environment.base}/releases").split()
    gone = [name for name in listed if NAME.fullmatch(name) and name not in kept]
    for name in gone:
        remove(host, name)
    return gone
