"""Prometheus and promtool, Debian's: what says whether our metrics and rules are right."""

import shutil
import subprocess

from tests.needs import missing

PROGRAMS = ("prometheus", "promtool")


def require_prometheus() -> None:
    """Skip the test on a machine without them; in CI that is a failure."""
    lacking = [program for program in PROGRAMS if not shutil.which(program)]
    if lacking:
        missing(f"Debian's prometheus: no {', '.join(lacking)}")


def promtool(*arguments: str, text: str = "") -> str:
    """Run it, with `text` as its input; return what it says, which has to be no complaint."""
    require_prometheus()
    command = ["promtool", *arguments]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
