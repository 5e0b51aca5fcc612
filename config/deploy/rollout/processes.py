"""The processes on a server: restarted one at a time, and looked at. Above `host`."""

import json
import time
from dataclasses import dataclass

from config.deploy.rollout.exceptions import Failure
from config.deploy.rollout.host import Host

POLL_SECONDS = 1.0
LOG_LINES = 15


@dataclass(frozen=True)
class Process:
    """As `remote/processes.py` sees it."""

    port: int
    state: str
    since: str
    pid: int
    release: str
    ready: str
    connections: int


def look(host: Host, *ports: int) -> list[Process]:
    pairs = [f"{host.environment.unit_of(port)}={port}" for port in ports]
    program = host.program("processes.py", f"{host.environment.base}/current", *pairs)
    said = host.run(program, called="remote/processes.py")
    return [Process(**seen) for seen in json.loads(said)]


def restart(host: Host, port: int, release: str) -> None:
    """Return when it is ready. Raises Failure when it does not become so in time, or is another
    release than this one."""
    try:
        host.run(host.environment.restart_of(port))
    except Failure as failure:
        raise _with_log(host, port, str(failure)) from None
    deadline = time.monotonic() + host.environment.ready_seconds
    while (process := look(host, port)[0]).ready:
        if time.monotonic() > deadline or process.state.startswith("failed"):
            raise _with_log(host, port, f"{host.name}: {_not_ready(process)}")
        time.sleep(POLL_SECONDS)
    if process.release not in (release, ""):
        reason = f"runs {process.release}: its unit has to start {host.environment.base}/current"
        raise Failure(f"{host.name}: port {port} {reason}")


def _not_ready(process: Process) -> str:
    return f"port {process.port} is not ready ({process.state}): {process.ready}"


def _with_log(host: Host, port: int, problem: str) -> Failure:
    unit = host.environment.unit_of(port)
    log = host.run(f"systemctl status --no-pager --lines={LOG_LINES} {unit} 2>&1 || true")
    return Failure("\n  ".join([problem, *log.strip().splitlines()]))
