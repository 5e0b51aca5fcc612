"""What a run is told as: a line for each attack, and the table of docs/security.md."""

import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.attacks.arena import HIGHEST_P99_MS, Result

STORED_SCRIPTS = (
    "| stored-scripts | Scripts in every field of the admin, with the pages' policy off. "
    "| no script runs | every page quotes what it shows "
    "| `make test TESTS=tests/browser/test_stored_scripts.py` |"
)


def line(result: Result) -> str:
    ending = f"  FOUND: {'; '.join(result.problems)}" if result.problems else ""
    figures = f"{result.p99_ms:7.1f} ms {result.mib:6.0f} MiB"
    return f"{result.attack.name:<42} {figures}  {_outcomes(result)}{ending}\n"


def write_page(path: Path, results: Sequence[Result]) -> None:
    """Replace what stands between the two marks of the page."""
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    table = "\n".join([*_head(results), *map(_row, results), STORED_SCRIPTS])
    path.write_text(f"{before}{begin}\n{table}\n{end}{after}")


BEGIN = "<!-- written by `make attacks` -->"
END = "<!-- end of what `make attacks` has written -->"


def _head(results: Sequence[Result]) -> list[str]:
    findings = sum(bool(each.problems) for each in results)
    slowest = max(results, key=lambda each: each.p99_ms)
    timed = sum(each.messages for each in results)
    return [
        f"Ran on {_machine()}. {len(results)} attacks, {findings} with a finding. The bystander's",
        f"{timed:,} messages all came; the highest p99 was {slowest.p99_ms:.0f} ms, under "
        f"`{slowest.attack.name}`, of {HIGHEST_P99_MS:.0f} ms allowed.",
        "",
        "| attack | what is tried | what happened | what stops it | p99, ms |",
        "|---|---|---|---|---|",
    ]


def _row(result: Result) -> str:
    attack = result.attack
    problems = f" **{'; '.join(result.problems)}**" if result.problems else ""
    happened = f"{_outcomes(result)}{problems}"
    cells = (attack.name, attack.sentence, happened, attack.stopped_by, f"{result.p99_ms:.0f}")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _outcomes(result: Result) -> str:
    """`401 x104, 429 x2,311`."""
    return ", ".join(f"{name} x{count:,}" for name, count in sorted(result.outcomes.items()))


def _machine() -> str:
    cpus = Path("/proc/cpuinfo").read_text().count("processor\t:")
    version = ".".join(map(str, sys.version_info[:3]))
    return f"{cpus} cores ({platform.machine()}), {platform.system()}, Python {version}, daphne"
