"""Asks the advisory databases about every locked package: `make audit`.

Exit code 0: no known fault; 1: at least one, listed; 3: some database could not be asked, so
that nothing can be said of its part. Needs no package of the project: pip-audit comes by uv,
into a cache of its own.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
PIP_AUDIT = "pip-audit==2.9.0"
PYTHON_LOCKS = ("base", "production", "dev", "uv")
NODE_LOCKS = ("tests/e2e", "tests/bench")
TIMEOUT_SECONDS = 600
CLEAN, FOUND, UNREACHED = 0, 1, 3
SHOWN_LINES = 3  # of what a program said before it gave up


@dataclass(frozen=True)
class Report:
    """What one database said of one lock; `problem` = why it said nothing."""

    name: str
    findings: list[str] = field(default_factory=list)
    problem: str = ""


class NoAnswer(Exception):
    """The program did not run, or gave no answer that can be read."""


def main(uv: str) -> int:
    reports = [*python_reports(uv), *node_reports()]
    for report in reports:
        say(report)
    if any(report.findings for report in reports):
        return FOUND
    return UNREACHED if any(report.problem for report in reports) else CLEAN


def python_reports(uv: str) -> Iterator[Report]:
    for lock in PYTHON_LOCKS:
        name = f"requirements/{lock}.txt"
        command = [uv, "tool", "run", "--quiet", "--from", PIP_AUDIT, "pip-audit"]
        options = ["--requirement", name, "--require-hashes", "--disable-pip"]
        yield audited(name, [*command, *options, "--format", "json"], PROJECT, pip_findings)


def node_reports() -> Iterator[Report]:
    for folder in NODE_LOCKS:
        name = f"{folder}/package-lock.json"
        command = ["npm", "audit", "--package-lock-only", "--json"]
        yield audited(name, command, PROJECT / folder, npm_findings)


def audited(name: str, command: Sequence[str], folder: Path, findings: Any) -> Report:
    """Both programs exit with 1 for a finding and for a failure: the answer itself decides."""
    found: list[str] = []
    try:
        for finding in findings(answer_of(command, folder)):
            found.append(finding)  # one by one: those before a NoAnswer count too
    except NoAnswer as error:
        return Report(name, found, str(error))
    return Report(name, found)


def answer_of(command: Sequence[str], folder: Path) -> Any:
    try:
        run = subprocess.run(  # noqa: S603 - our own command
            command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswer(f"{command[0]}: {error}") from error
    try:
        return json.loads(run.stdout)
    except ValueError as error:
        said = (run.stderr or run.stdout).strip().splitlines()[-SHOWN_LINES:]
        raise NoAnswer(" / ".join(said) or f"exit code {run.returncode}") from error


def pip_findings(answer: Any) -> Iterator[str]:
    if not isinstance(answer, dict) or not answer.get("dependencies"):
        raise NoAnswer("pip-audit named no package")
    for package in answer["dependencies"]:
        for fault in package.get("vulns", ()):
            fixed = ", ".join(fault.get("fix_versions", ())) or "no version yet"
            yield f"{package['name']} {package['version']}: {fault['id']}, mended in {fixed}"
    skipped = [each for each in answer["dependencies"] if each.get("skip_reason")]
    if skipped:
        raise NoAnswer(f"{skipped[0]['name']}: {skipped[0]['skip_reason']}")


def npm_findings(answer: Any) -> Iterator[str]:
    if not isinstance(answer, dict) or "vulnerabilities" not in answer:
        detail = answer.get("error") or answer if isinstance(answer, dict) else {}
        reason = detail.get("summary") or detail.get("detail") or answer.get("message")
        raise NoAnswer(str(reason or "npm gave no report"))
    for package, fault in answer["vulnerabilities"].items():
        advisories = [via["url"] for via in fault["via"] if isinstance(via, dict)]
        yield f"{package} {fault['range']}: {fault['severity']} {' '.join(advisories)}".rstrip()


def say(report: Report) -> None:
    texts = []
    if report.problem:
        texts.append(f"could not reach an advisory database for all of it: {report.problem}")
    if report.findings:
        texts.append("\n  ".join([f"known faults: {len(report.findings)}", *report.findings]))
    for text in texts or ["no known fault"]:
        sys.stdout.write(f"{report.name}: {text}\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
