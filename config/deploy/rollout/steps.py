"""Deploy, roll back, status: the steps, each told in a line. Above everything but `tasks`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from config.deploy.rollout import migrations, processes, releases
from config.deploy.rollout.exceptions import Failure
from config.deploy.rollout.host import Host
from config.deploy.rollout.source import Source


def deploy(hosts: Sequence[Host], source: Source, *, is_forced: bool) -> None:
    """1. Put the release on every host and build it. 2. Check and migrate, once. 3. Switch and
    restart, host by host. 4. Remove old releases. What fails before 3 changes nothing that runs,
    what fails in 3 is undone."""
    release = releases.new_name(source)
    with _locked(hosts):
        for host in hosts:
            releases.see_that_it_is_set_up(host)
        with _removed_on_failure(hosts, release):
            for host in hosts:
                _put(host, release, source)
            _prepare_database(hosts[0], release, is_forced=is_forced)
            _go_to(hosts, release)
        for host in hosts:
            for gone in releases.prune(host):
                say(host, f"removed {gone}")
    say(None, f"deployed {release}")


def rollback(hosts: Sequence[Host], *, is_forced: bool) -> None:
    """Go back to the release that ran before the current one, on every host."""
    with _locked(hosts):
        newer = releases.current(hosts[0])
        older = releases.previous(hosts[0], newer) if newer else ""
        if not older:
            raise Failure(f"{hosts[0].name}: there is no release before {newer or 'the first'}")
        for host in hosts:
            if not releases.is_there(host, older):
                raise Failure(f"{host.name}: {releases.path_of(host, older)} is gone")
        _, objections = migrations.judge(hosts[0], older, newer)
        _weigh(hosts[0], objections, is_forced=is_forced)
        _go_to(hosts, older)
    say(None, f"rolled back to {older}")


def status(hosts: Sequence[Host]) -> None:
    """Raises Failure when a process is not ready."""
    unready = 0
    for host in hosts:
        release = releases.current(host)
        say(host, f"current {release or 'none'}, {releases.revision(host, release)[:60]}")
        for process in processes.look(host, *host.environment.ports):
            say(host, _described(process, release))
            unready += bool(process.ready)
    if unready:
        raise Failure(f"not ready: {unready}")


def say(host: Host | None, text: str) -> None:
    sys.stdout.write(f"{host.name}: {text}\n" if host else f"{text}\n")
    sys.stdout.flush()


@contextmanager
def _locked(hosts: Sequence[Host]) -> Iterator[None]:
    with ExitStack() as stack:
        for host in hosts:
            stack.enter_context(host.locked())
        yield


@contextmanager
def _removed_on_failure(hosts: Sequence[Host], release: str) -> Iterator[None]:
    """Unless a host still leads to it."""
    try:
        yield
    except (Failure, KeyboardInterrupt):
        for host in hosts:
            with suppress(Failure):  # the first one is told
                if releases.current(host) != release:
                    releases.remove(host, release)
        raise


def _put(host: Host, release: str, source: Source) -> None:
    say(host, f"uploading {release}")
    releases.upload(host, release, source)
    say(host, "building its environment")
    releases.build(host, release)


def _prepare_database(host: Host, release: str, *, is_forced: bool) -> None:
    say(host, "checking configuration and migrations")
    releases.manage(host, release, "check --deploy")
    running = releases.current(host)
    if running:
        pending, objections = migrations.judge(host, release, running)
        _weigh(host, objections, is_forced=is_forced)
        if not pending:
            return
        say(host, f"applying migrations: {', '.join(pending)}")
    migrations.migrate(host, release)


def _weigh(host: Host, objections: Sequence[str], *, is_forced: bool) -> None:
    if objections and not is_forced:
        lines = [f"{host.name}: migrations are in the way of the older release:", *objections]
        raise Failure("\n  ".join(lines) + "\nIf you know better, say --force.")
    for objection in objections:
        say(host, f"forced: {objection}")


def _go_to(hosts: Sequence[Host], release: str) -> None:
    """Switch and restart, one process at a time; go back when one does not come up."""
    before = {host: releases.current(host) for host in hosts}
    restarted: list[tuple[Host, int]] = []
    try:
        for host in hosts:
            say(host, f"switching to {release}")
            releases.switch(host, release)
            for port in host.environment.ports:
                restarted.append((host, port))
                _restart(host, port, release)
    except (Failure, KeyboardInterrupt) as failure:
        say(None, str(failure) or "interrupted")
        _go_back(before, restarted)
        raise Failure(f"{release} is not deployed; back on {before[hosts[0]]}") from failure


def _restart(host: Host, port: int, release: str) -> None:
    say(host, f"restarting port {port}")
    processes.restart(host, port, release)


def _go_back(before: dict[Host, str], restarted: Sequence[tuple[Host, int]]) -> None:
    """As far as it goes: what fails must not keep the others from it."""
    problems = [
        f"{host.name}: its first release stays: there is none to go back to"
        for host, release in before.items()
        if not release
    ]
    steps: list[Callable[[], None]] = []
    for host, release in before.items():
        if release:
            say(host, f"going back to {release}")
            steps.append(partial(releases.switch, host, release))
            steps += [
                partial(_restart, host, port, release) for each, port in restarted if each == host
            ]
    for step in steps:
        try:
            step()
        except Failure as failure:
            problems.append(str(failure))
    if problems:
        raise Failure("\n".join(problems))


def _described(process: processes.Process, current: str) -> str:
    parts = [
        f"port {process.port}",
        process.ready or "ready",
        process.release or "release unknown",
        process.state,
        f"since {process.since}" if process.since else "",
        f"pid {process.pid}" if process.pid else "",
        f"{process.connections} connections",
        "NOT CURRENT" if process.release not in (current, "") else "",
    ]
    return ", ".join(filter(None, parts))
