"""Prometheus and promtool, Debian's: what says whether our metrics and rules are right."""

import os
import shutil
import subprocess

import pytest

PROGRAMS = ("prometheus", "promtool")


def require_prometheus() -> None:
    """Skip the test on a machine without them; in CI that is a failure."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if not missing:
        return
    reason = f"needs Debian's prometheus: no {', '.join(missing)}"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason)
    pytest.skip(reason)


def promtool(*arguments: str, text: str = "") -> str:
    """Run it, with `text` as its input; return what it says, which has to be no complaint."""
    require_prometheus()
    command = ["promtool", *arguments]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
