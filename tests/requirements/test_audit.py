"""`make audit` with programs that stand in for uv and npm: its outcomes are told apart."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sioweb_project.config import PROJECT_DIR

AUDIT = PROJECT_DIR / "requirements" / "audit.py"
PIP_CLEAN = {"dependencies": [{"name": "django", "version": "5.2.19", "vulns": []}]}
FAULT = {"id": "PYSEC-2099-1", "fix_versions": ["9.9"], "aliases": []}
PIP_FOUND = {"dependencies": [{"name": "django", "version": "5.2.19", "vulns": [FAULT]}]}
PIP_BOTH = {
    "dependencies": [{"name": "a", "skip_reason": "not on the index"}, *PIP_FOUND["dependencies"]]
}
PIP_SKIPPED = {"dependencies": [{"name": "ws", "skip_reason": "not on the index"}]}
NPM_CLEAN = {"auditReportVersion": 2, "vulnerabilities": {}}
ADVISORY = {"url": "https://example.com/advisories/1", "title": "a fault"}
NPM_FOUND = {"vulnerabilities": {"ws": {"severity": "high", "range": "<8", "via": [ADVISORY]}}}
NPM_LOST = {"error": {"code": "ENOTFOUND", "summary": "request failed, reason: ENOTFOUND"}}
NPM_REFUSED = {"message": "404 Not Found - POST /-/npm/v1/security/audits", "error": {}}

Audit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Run the audit; `uv` and `npm` are what the programs print, and their exit codes."""

    def program(name: str, output: str, code: int) -> None:
        file = tmp_path / name
        (tmp_path / f"{name}.json").write_text(output)
        stream = "1" if output.startswith("{") else "2"
        file.write_text(f'#!/bin/sh\n/bin/cat "{file}.json" >&{stream}\nexit {code}\n')
        file.chmod(0o755)

    def audit(uv: Any, npm: Any, code: int = 0) -> subprocess.CompletedProcess[str]:
        for name, output in (("uv", uv), ("npm", npm)):
            if output is not None:
                text = output if isinstance(output, str) else json.dumps(output)
                program(name, text, code)
        path = f"{tmp_path}{os.pathsep}/usr/bin:/bin" if npm is not None else str(tmp_path)
        return subprocess.run(
            [sys.executable, AUDIT, tmp_path / "uv"],
            capture_output=True,
            text=True,
            env={"PATH": path},
        )

    return audit


def test_no_known_fault(audit: Audit) -> None:
    run = audit(PIP_CLEAN, NPM_CLEAN)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.count(": no known fault\n") == 6
    for lock in ("requirements/base.txt", "requirements/uv.txt", "tests/e2e/package-lock.json"):
        assert f"{lock}: " in run.stdout


@pytest.mark.parametrize(
    ("uv", "npm", "line"),
    [
        (PIP_FOUND, NPM_CLEAN, "django 5.2.19: PYSEC-2099-1, mended in 9.9"),
        (PIP_BOTH, NPM_CLEAN, "django 5.2.19: PYSEC-2099-1, mended in 9.9"),
        (PIP_CLEAN, NPM_FOUND, "ws <8: high https://example.com/advisories/1"),
        (PIP_FOUND, NPM_LOST, "django 5.2.19: PYSEC-2099-1, mended in 9.9"),
    ],
)
def test_known_fault_is_named_and_is_exit_code_1(
    uv: Any, npm: Any, line: str, audit: Audit
) -> None:
    run = audit(uv, npm, code=1)
    assert run.returncode == 1
    assert f"\n  {line}\n" in run.stdout


@pytest.mark.parametrize(
    ("uv", "npm", "reason"),
    [
        ("error: Failed to fetch: `https://example.com/simple/pip-audit/`", NPM_CLEAN, "to fetch"),
        ("requests.exceptions.ConnectionError: no route", NPM_CLEAN, "no route"),
        (PIP_SKIPPED, NPM_CLEAN, "ws: not on the index"),
        ("", NPM_CLEAN, "exit code 1"),
        (PIP_CLEAN, NPM_LOST, "ENOTFOUND"),
        (PIP_CLEAN, NPM_REFUSED, "404 Not Found"),
        (None, NPM_CLEAN, "No such file"),
        (PIP_CLEAN, None, "No such file"),
    ],
)
def test_database_out_of_reach_is_told_and_is_exit_code_3(
    uv: Any, npm: Any, reason: str, audit: Audit
) -> None:
    run = audit(uv, npm, code=1)
    assert run.returncode == 3
    lines = [line for line in run.stdout.splitlines() if "could not reach an advisory" in line]
    assert lines
    assert all(reason in line for line in lines)
    assert "Traceback" not in run.stderr
