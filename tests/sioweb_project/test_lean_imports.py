"""A start leaves out what libraries import for nobody, and keeps it from nobody."""

import subprocess
import sys
from pathlib import Path

import pytest

from sioweb_project.lean_imports import UNUSED, import_lean

PROJECT = Path(__file__).parents[2]
STARTED = """
import sys
sys.argv[1:] = ["version"]
import manage
manage.main()
import delivery.service
print([name for name in {names} if name in sys.modules])
import aiohttp.web
print(aiohttp.web.__name__)
"""


def test_a_start_imports_nothing_unused_and_who_wants_it_still_can() -> None:
    command = [sys.executable, "-c", STARTED.format(names=UNUSED)]
    output = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    assert output.splitlines()[-2:] == ["[]", "aiohttp.web"]


def test_what_is_imported_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", pytest)
    import_lean()
    assert sys.modules["rich"] is pytest
