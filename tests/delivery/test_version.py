"""The version is written twice, and told by the command."""

import tomllib

import pytest

from delivery.management.commands.serve import Command
from delivery.version import VERSION
from sioweb_project.config import PROJECT_DIR


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION


def test_the_command_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        Command().create_parser("manage.py", "serve").parse_args(["--version"])
    assert (exit_.value.code, capsys.readouterr().out) == (0, f"sioweb {VERSION}\n")
