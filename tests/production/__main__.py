"""Follow docs/production.md on a bare Debian 12; exit code 1 says that a step failed."""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.production.guide import PROJECT, script
from tests.production.machine import Machine, MachineError, machine, make_base

GUIDE_SECONDS = 1800.0
CHECK_SECONDS = 300.0
PROGRAMS = ("debootstrap", "nsenter", "unshare", "tar", "git")
# Each has to be true once the guide is done.
CHECKS = {
    "both processes run, and have not been started again": """
        for port in 1337 1338; do
          systemctl is-active --quiet sioweb@$port
          test "$(systemctl show -P NRestarts sioweb@$port)" = 0
        done""",
    "the machine has no unit that failed": 'test -z "$(systemctl --failed --quiet --plain)"',
    "sites are in PostgreSQL": """
        name=$(runuser -u postgres -- psql -At sioweb -c 'select name from sites_site')
        test "$name" = newsite""",
    "Redis appends to a file": "test -s /var/lib/redis/appendonlydir/*.incr.aof",
    "no log holds the key": """
        key=$(sed -n 's/.*apiKey: //p' /srv/sioweb/shared/config/sites.yml)
        test -n "$key"
        { cat /var/log/sioweb/* /var/log/nginx/*; journalctl --unit 'sioweb@*'; } > /tmp/logs
        grep --quiet '"POST /send HTTP' /tmp/logs
        ! grep "$key" /tmp/logs""",
    "nothing has gone wrong": """! journalctl --unit 'sioweb@*' | grep '"level":"error"' """,
    "both processes restart without a failed call": """
        cd /srv/sioweb/current && .venv/bin/python -m tests.production.restarting""",
    "connections wait in systemd's socket while a single process restarts": """
        systemctl stop sioweb.target
        systemctl start sioweb@1337.socket
        systemctl start sioweb@1337
        systemctl restart sioweb@1337 &
        while kill -0 $! 2>/dev/null; do
          curl --silent --show-error --fail http://127.0.0.1:1337/healthcheck
        done
        wait $!""",
    "logrotate takes its file": "logrotate --debug /etc/logrotate.d/sioweb",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make production-guide", description=__doc__)
    parser.add_argument("--base", type=Path, default=PROJECT / "var" / "debian-12")
    arguments = parser.parse_args()
    lacking = [program for program in PROGRAMS if not shutil.which(program)]
    if lacking:
        sys.stderr.write(f"Debian's {', '.join(lacking)} is needed\n")
        return 1
    began_at = time.monotonic()
    try:
        make_base(arguments.base)
        with (
            tempfile.TemporaryDirectory(prefix="sioweb-guide-") as folder,
            machine(arguments.base, Path(folder) / "root", source()) as debian,
        ):
            failed = follow(debian)
    except MachineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{failed or 'All is well'}, after {time.monotonic() - began_at:.0f} s\n")
    return int(bool(failed))


def source() -> bytes:
    """This repository as it is committed."""
    command = ["git", "-C", str(PROJECT), "archive", "HEAD"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def follow(debian: Machine) -> str:
    """Return what failed, "" = nothing."""
    if debian.run(script(), GUIDE_SECONDS):
        debian.run("journalctl --no-pager --lines 60 --unit 'sioweb@*' --unit nginx", CHECK_SECONDS)
        return "The guide failed at the last line named above"
    for name, check in CHECKS.items():
        sys.stdout.write(f"--- {name}\n")
        sys.stdout.flush()
        if debian.run(f"set -euo pipefail\n{check}", CHECK_SECONDS):
            return f"It is not so: {name}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
