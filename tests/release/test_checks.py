"""What `make release-check` looks at holds here, and what is wrong is found."""

import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.core.management import call_command

from sioweb_project.config import PROJECT_DIR
from sites.models import Site
from tests.release.checks import (
    ALWAYS,
    check_changelog,
    check_licence,
    check_private,
    check_recording,
    check_release_day,
    check_tree,
    check_unfinished,
    check_version,
)
from tests.release.locks import check_locks
from tests.release.project import Project

Write = Callable[[dict[str, str]], Project]
PYPROJECT = '[project]\nversion = "1.2.3"\nlicense = "MIT"\n'
TO_DO = "# TO" + "DO"
GOOD_PIN = "django==5.2.1 \\\n    --hash=sha256:00\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Make a project of these files."""

    def write(files: dict[str, str]) -> Project:
        for name, text in ({"pyproject.toml": PYPROJECT} | files).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return Project(tmp_path, tuple(files))

    return write


@pytest.mark.parametrize("title", ALWAYS)
def test_what_must_always_hold_does(title: str) -> None:
    assert list(ALWAYS[title](Project.of_git(PROJECT_DIR))) == []


def test_another_version_is_found(write: Write) -> None:
    assert list(check_version(write({"delivery/version.py": 'VERSION = "1.2.3"\n'}))) == []
    assert list(check_version(write({"delivery/version.py": 'VERSION = "1.2.4"\n'})))


@pytest.mark.parametrize(
    ("line", "is_right"), [(TO_DO, False), (f"{TO_DO} #12: more", True), ("methods to do", True)]
)
def test_unfinished_work_has_a_number(line: str, is_right: bool, write: Write) -> None:
    assert (list(check_unfinished(write({"a.py": line}))) == []) == is_right


@pytest.mark.parametrize(
    "text", ["see /ro" + "ot/notes", "-----BEGIN RSA PRIVATE" + " KEY-----", "AKIA" + "A" * 16]
)
def test_what_is_private_is_found_by_its_line(text: str, write: Write) -> None:
    assert list(check_private(write({"a.md": f"\n{text}\n"}))) == ["a.md:2 is private"]


@pytest.mark.parametrize(
    ("pin", "is_right"),
    [
        (GOOD_PIN, True),
        (GOOD_PIN.replace("5.2", "5.3"), False),
        (GOOD_PIN.replace("django", "channels"), False),
        ("django==5.2.1\n", False),
    ],
)
def test_a_lock_that_is_behind_is_found(pin: str, is_right: bool, write: Write) -> None:
    project = write({"requirements/base.in": "django>=5.2,<5.3\n", "requirements/base.txt": pin})
    assert (list(check_locks(project)) == []) == is_right


@pytest.mark.parametrize(
    ("package", "is_right"),
    [('"integrity": "x"', True), ('"version": "1"', False), ('"resolved": "y"', False)],
)
def test_a_lock_of_node_names_hashes_and_no_host(
    package: str, is_right: bool, write: Write
) -> None:
    root = '"": {"dependencies": {"a": "1"}}'
    lock = f'{{"packages": {{{root}, "node_modules/a": {{{package}}}}}}}'
    files = {"e2e/package.json": '{"dependencies": {"a": "1"}}', "e2e/package-lock.json": lock}
    assert (list(check_locks(write(files))) == []) == is_right
    files["e2e/package.json"] = '{"dependencies": {"a": "2"}}'
    assert list(check_locks(write(files)))


def test_a_file_of_others_has_its_licence_beside_it(write: Write) -> None:
    files = {"LICENSE": "MIT License", "x.min.js": "", "x.min.js.LICENSE.txt": ""}
    assert list(check_licence(write(files))) == []
    assert list(check_licence(write({"LICENSE": "MIT License", "x.min.js": ""})))
    assert list(check_licence(write({"LICENSE": "GPL"})))


@pytest.mark.parametrize(
    ("heading", "is_right", "is_release"),
    [
        ("1.2.3 - 2026-11-27", True, True),
        ("Unreleased", True, False),
        ("unreleased", False, False),
        ("1.2.3", False, False),
        ("1.2.2 - 2026-11-27", False, True),
        ("1.2.3 - 2026-11-31", False, False),
        (f"1.2.3 - {date.max.isoformat()}", True, False),
    ],
)
def test_the_changelog_begins_with_the_version_or_what_is_to_come(
    heading: str, is_right: bool, is_release: bool, write: Write
) -> None:
    project = write({"CHANGELOG.md": f"# Changelog\n\n## {heading}\n\n## 0.1.0\n"})
    assert (list(check_changelog(project)) == []) == is_right
    assert (list(check_release_day(project)) == []) == is_release


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check_changes=True, dry_run=True)


@pytest.mark.django_db
def test_a_migration_that_is_missing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Site._meta.get_field("name"), "max_length", 7)
    with pytest.raises(SystemExit):
        call_command("makemigrations", check_changes=True, dry_run=True)


def test_a_recording_of_the_next_release_has_to_get_its_version(write: Write) -> None:
    folder = "tests/upgrade/recorded"
    assert list(check_recording(write({f"{folder}/1.2.3.json": ""}))) == []
    [problem] = check_recording(write({f"{folder}/next.json": ""}))
    assert problem.endswith("1.2.3.json now")


def test_what_is_not_committed_is_found(write: Write) -> None:
    project = write({"a.txt": "1"})
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    subprocess.run(["git", "add", "a.txt"], cwd=project.root, check=True)
    assert list(check_tree(project)) == ["not committed: A  a.txt"]
