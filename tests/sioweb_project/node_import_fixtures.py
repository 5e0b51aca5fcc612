"""A folder of a Node service, and `manage.py import_node` that reads it."""

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

INSTALLATIONS = Path(__file__).parents[1] / "e2e" / "node_installations"

NEWSITE = "newsite: {authUrl: 'http://newsite.com/rooms', apiKey: 54321}\n"

Import = Callable[..., str]


@pytest.fixture
def target(tmp_path: Path, settings: Settings) -> Path:
    folder = tmp_path / "ours" / "config"
    settings.CONFIG = replace(settings.CONFIG, config_dir=folder)
    return folder


@pytest.fixture
def node(tmp_path: Path) -> Path:
    folder = tmp_path / "node"
    folder.mkdir()
    return folder


@pytest.fixture
def run(target: Path) -> Import:
    def run(path: Path, *arguments: str) -> str:
        call_command("import_node", str(path), *arguments, stdout=(said := StringIO()))
        return said.getvalue()

    return run


def refusal(run: Import, path: Path, *arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(path, *arguments)
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)
