"""What must be true of a release, each as a function that returns what is wrong.

Those of `ALWAYS` hold at every commit and are part of the suite. Those of `AT_A_RELEASE` are about
the moment of a release, or dear: the suite looks at migrations and documentation in its own way.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from tests.docs.building import build
from tests.release.locks import check_locks
from tests.release.project import Project, git

VERSION = re.compile(r'^VERSION = "(?P<version>[^"]+)"$', re.MULTILINE)
HEADING = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
RELEASED = re.compile(r"(?P<version>\d+\.\d+\.\d+) - (?P<date>\d{4}-\d\d-\d\d)")
UNRELEASED = "Unreleased"
# Each begun in two pieces, so that this file has none of them.
UNFINISHED = re.compile("(?:TO" "DO|FIX" r"ME)\b(?!.*#\d)")
PRIVATE = re.compile(
    "/ro" "ot/|/ho" r"me/\w|BEGIN [A-Z ]*PRIVATE" r" KEY-|\bAKIA[0-9A-Z]{16}|\bgh[opsu]_\w{36}"
)
MIGRATIONS = ("makemigrations", "--check", "--dry-run")


def check_version(project: Project) -> Iterator[str]:
    """Written in two places, and the same."""
    told = VERSION.search(project.read("delivery/version.py"))
    version = project.metadata()["version"]
    if told is None or told["version"] != version:
        yield f"delivery/version.py does not say {version}, as pyproject.toml does"


def check_unfinished(project: Project) -> Iterator[str]:
    """What is to be done has an issue, whose number stands beside it."""
    return (f"{place} has no number" for place, line in project.lines() if UNFINISHED.search(line))


def check_private(project: Project) -> Iterator[str]:
    """Nothing of the machine it was written on, and nothing that opens a door."""
    return (f"{place} is private" for place, line in project.lines() if PRIVATE.search(line))


def check_licence(project: Project) -> Iterator[str]:
    """The project's own, and one beside each file that others have written."""
    if project.metadata().get("license") != "MIT":
        yield "pyproject.toml: license is not MIT"
    if "LICENSE" not in project.files or "MIT License" not in project.read("LICENSE"):
        yield "LICENSE is not MIT's"
    for name in project.files:
        if ".min." in name and f"{name.partition('.LICENSE')[0]}.LICENSE.txt" not in project.files:
            yield f"{name} has no licence beside it"


def check_migrations(project: Project) -> Iterator[str]:
    run = subprocess.run(
        [sys.executable, "manage.py", *MIGRATIONS],
        cwd=project.root,
        capture_output=True,
        text=True,
    )
    if run.returncode != 0:
        yield f"makemigrations has something to do: {run.stdout}{run.stderr}"


def check_changelog(project: Project) -> Iterator[str]:
    """Its first heading is what is to come, or this version and a day."""
    title, version = _heading(project), project.metadata()["version"]
    released = RELEASED.fullmatch(title)
    if title != UNRELEASED and (
        released is None or released["version"] != version or _day(released["date"]) is None
    ):
        yield f"CHANGELOG.md begins with {title!r}, expected '{version} - <date>' or {UNRELEASED!r}"


def check_release_day(project: Project) -> Iterator[str]:
    """The first heading of the changelog has a day, which has come."""
    title = _heading(project)
    released = RELEASED.fullmatch(title)
    if released is None:
        yield f"CHANGELOG.md begins with {title!r}, which is no release"
    else:
        day = _day(released["date"])
        if day is None or day > date.today():  # noqa: DTZ011 - the day of who releases
            yield f"CHANGELOG.md: {released['date']} is no day that has come"


def check_recording(project: Project) -> Iterator[str]:
    """What another version will write has got its name; see tests/upgrade."""
    name = "tests/upgrade/recorded/next.json"
    if name in project.files:
        yield f"{name}: next.json has to be {project.metadata()['version']}.json now"


def check_tree(project: Project) -> Iterator[str]:
    changed = git(project.root, "status", "--porcelain", "--untracked-files=no")
    return (f"not committed: {line}" for line in changed.splitlines())


def check_docs(_: Project) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:
        try:
            build(Path(folder))
        except AssertionError as error:
            yield f"make docs: {error}"


def _heading(project: Project) -> str:
    """The first of the changelog, "" = there is none."""
    heading = HEADING.search(project.read("CHANGELOG.md"))
    return heading["title"] if heading else ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


Check = Callable[[Project], Iterator[str]]

ALWAYS: dict[str, Check] = {
    "the version is told alike everywhere": check_version,
    "what is unfinished has a number": check_unfinished,
    "no file has a secret or a path of somebody's machine": check_private,
    "locks hold what requirements ask for": check_locks,
    "licences are there": check_licence,
    "the changelog begins with this version, or what is to come": check_changelog,
}
AT_A_RELEASE: dict[str, Check] = {
    "the changelog has the day of the release": check_release_day,
    "what it leaves in Redis is recorded under its version": check_recording,
    "everything is committed": check_tree,
    "no migration is missing": check_migrations,
    "the documentation is whole": check_docs,
}
