"""`manage.py import_node` where something is there already, or cannot be written."""

import errno
import shutil
from pathlib import Path

import pytest

from sioweb_project.exceptions import ConfigError
from sioweb_project.node_import.writing import HEADER, NewFile, write
from sites.models import ApiKey, Site
from tests.sioweb_project.node_import_fixtures import (
    INSTALLATIONS,
    NEWSITE,
    Import,
    node,
    refusal,
    run,
    target,
)

__all__ = ["node", "run", "target"]


pytestmark = pytest.mark.django_db


def state(target: Path) -> tuple[dict[str, str], int, int]:
    files = {each.name: each.read_text() for each in target.glob("*")}
    return files, Site.objects.count(), ApiKey.objects.count()


def test_a_second_run_changes_nothing(run: Import, target: Path) -> None:
    run(INSTALLATIONS / "early")
    before = state(target)
    assert run(INSTALLATIONS / "early").splitlines()[-2:] == [
        "Sites are up to date.",
        "Files are up to date.",
    ]
    assert state(target) == before


def test_a_dry_run_says_all_and_changes_nothing(run: Import, target: Path) -> None:
    said = run(INSTALLATIONS / "early", "--dry-run")
    assert f"{target / 'sites.yml'}: is made, without --dry-run\n" in said
    assert "+ newsite\n" in said
    assert (target.exists(), Site.objects.count()) == (False, 0)


def test_files_that_are_there_stay_unless_forced_and_are_kept_then(
    run: Import, node: Path, target: Path
) -> None:
    (node / "config.yml").write_text("production: {port: 80}\n")
    (node / "sites.yml").write_text(NEWSITE)
    target.mkdir(parents=True)
    (target / "sites.yml").write_text("# mine\n")
    said = run(node, "--dry-run").splitlines()
    assert f"{target / 'config.yml'}: is made, without --dry-run" in said
    assert f"{target / 'sites.yml'}: is replaced, with --force" in said
    line = refusal(run, node)
    assert line.startswith(f"{target / 'sites.yml'}: is there already")
    assert "sites.yml.bak" in line
    assert state(target) == ({"sites.yml": "# mine\n"}, 0, 0)
    run(node, "--force")
    (node / "sites.yml").write_text(NEWSITE.replace("rooms", "others"))
    run(node, "--force")
    files, _, _ = state(target)
    assert files["sites.yml.bak"] == "# mine\n"
    assert files["sites.yml.bak2"].startswith(HEADER)
    assert Site.objects.get().auth_url == "http://newsite.com/others"


def test_what_an_admin_has_changed_stays_unless_forced(run: Import, node: Path) -> None:
    Site.objects.create(name="newsite", auth_url="http://newsite.com/mine")
    (node / "sites.yml").write_text(NEWSITE)
    assert "(left alone; --force applies it)" in run(node)
    assert Site.objects.get().auth_url == "http://newsite.com/mine"


def test_where_files_cannot_be_written_no_site_is_made(
    run: Import, node: Path, target: Path
) -> None:
    (node / "sites.yml").write_text(NEWSITE)
    target.parent.write_text("a file where the folder is to be")
    assert refusal(run, node).startswith(f"{target / 'sites.yml'}: cannot be used")
    assert Site.objects.count() == 0


def test_where_one_file_cannot_be_replaced_both_stay(
    run: Import, node: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where sites.yml alone is mounted into a container."""

    def replace(draft: Path, path: Path) -> Path:
        if path.name == "sites.yml":
            raise OSError(errno.EBUSY, "Device or resource busy")
        return Path(shutil.move(draft, path))

    (node / "config.yml").write_text("production: {port: 80}\n")
    (node / "sites.yml").write_text(NEWSITE)
    target.mkdir(parents=True)
    (target / "config.yml").write_text("# mine\n")
    (target / "sites.yml").write_text("# mine, too\n")
    before = state(target)
    monkeypatch.setattr(Path, "replace", replace)
    line = refusal(run, node, "--force")
    assert line.startswith(f"{target / 'sites.yml'}: cannot be used (Device or resource busy)")
    assert state(target) == before


def test_a_file_that_was_not_there_goes_again(tmp_path: Path) -> None:
    (tmp_path / "sites.yml").mkdir()
    new = [NewFile(tmp_path / name, "", is_there=False) for name in ("config.yml", "sites.yml")]
    with pytest.raises(ConfigError, match=r"sites\.yml: cannot be used"):
        write(new)
    assert [each.name for each in tmp_path.iterdir()] == ["sites.yml"]


def test_a_file_that_cannot_be_put_in_place_leaves_no_draft(tmp_path: Path) -> None:
    """It would hold keys and passwords, and nobody would know of it."""
    (tmp_path / "config.yml").mkdir()
    with pytest.raises(ConfigError, match=r"config\.yml: cannot be used"):
        write([NewFile(tmp_path / "config.yml", "secret: 1", is_there=False)])
    assert [each.name for each in tmp_path.iterdir()] == ["config.yml"]
