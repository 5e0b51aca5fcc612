"""`config/deploy/systemd/`: the units are what systemd takes, and let the service do little."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.needs import missing

UNITS = Path(__file__).parents[2] / "config" / "deploy" / "systemd"
MOST_EXPOSED = 20  # tenths; 100 is a service with every right


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The units as they are once installed: those of two ports."""
    if not shutil.which("systemd-analyze"):
        missing("Debian's systemd")
    for file in UNITS.iterdir():
        names = [file.name.replace("@", f"@{port}") for port in (1337, 1338)]
        for name in names if "@" in file.name else [file.name]:
            (tmp_path / name).write_text(file.read_text())
    return tmp_path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_systemd_takes_the_units_without_a_word(folder: Path) -> None:
    done = analyze("verify", "--man=no", *map(str, sorted(folder.iterdir())))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_wrong_unit_would_be_noticed(folder: Path) -> None:
    unit = folder / "sioweb@1337.service"
    unit.write_text(unit.read_text().replace("ProtectHome=", "ProtectHouse="))
    done = analyze("verify", "--man=no", str(unit))
    assert "ProtectHouse" in done.stderr


def test_the_service_has_few_rights(folder: Path) -> None:
    unit = str(folder / "sioweb@1337.service")
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
    assert done.returncode == 0, done.stdout
