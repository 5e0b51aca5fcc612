"""Looks at processes of the service. Arguments: the link to the current release, UNIT=PORT...
Writes a list as JSON:

[{"port": 1337, "state": "active/running", "since": "Fri 2026-11-27 20:30:00 UTC", "pid": 12,
  "release": "20261127-203000-5240b8d", "ready": "", "connections": 3}, ...]

`ready` says why not, "" = it is. `release` is "" where it is neither the current one nor to be
seen.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 5
PROPERTIES = "ActiveState,SubState,MainPID,ActiveEnterTimestamp"
CLOCK_SECONDS = 1.0  # more than clocks differ by
ESTABLISHED = "01"  # of /proc/net/tcp


def look(current: Path, unit: str, port: int) -> dict[str, Any]:
    shown = show(unit)
    pid = int(shown.get("MainPID") or 0)
    return {
        "port": port,
        "state": f"{shown.get('ActiveState', 'unknown')}/{shown.get('SubState', 'unknown')}",
        "since": shown.get("ActiveEnterTimestamp", ""),
        "pid": pid,
        "release": release_of(pid, current) if pid else "",
        "ready": why_not_ready(port),
        "connections": connections(port),
    }


def show(unit: str) -> dict[str, str]:
    command = ["systemctl", "show", f"--property={PROPERTIES}", unit]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)


def release_of(pid: int, current: Path) -> str:
    """The name of the folder that the process was started in. What only root may see (the unit
    has PrivateUsers=) is told by time: who began after the last switch runs what is current."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink().name
    except PermissionError:
        is_current = began_at(pid) >= current.lstat().st_mtime - CLOCK_SECONDS
        return current.readlink().name if is_current else ""
    except OSError:
        return ""


def began_at(pid: int) -> float:
    """In seconds since 1970."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[19])
    uptime = float(Path("/proc/uptime").read_text("ascii").split()[0])
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")


def why_not_ready(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        text = answer.read(1000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"/readyz: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if answer.status == 200 else f"/readyz: {answer.status} {text}"


def connections(port: int) -> int:
    """How many have their end at this port."""
    count = 0
    for table in filter(os.path.exists, ("/proc/net/tcp", "/proc/net/tcp6")):
        rows = [line.split()[1:4] for line in Path(table).read_text("ascii").splitlines()[1:]]
        count += sum(at.endswith(f":{port:04X}") and state == ESTABLISHED for at, _, state in rows)
    return count


if __name__ == "__main__":
    link = Path(sys.argv[1])
    pairs = [argument.rpartition("=") for argument in sys.argv[2:]]
    json.dump([look(link, unit, int(port)) for unit, _, port in pairs], sys.stdout)
