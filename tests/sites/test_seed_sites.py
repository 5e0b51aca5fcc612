"""`manage.py seed_sites`: what it prints and how it fails."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from sites.models import Site

NODE_EXAMPLE = """\
newsite:
  authUrl: http://newsite.com/socketrooms
  authScheme: Bearer
  apiKey: 54321
  userRoomPrefix: user_
"""
pytestmark = pytest.mark.django_db


def seed_sites(*arguments: str) -> str:
    output = StringIO()
    call_command("seed_sites", *arguments, stdout=output)
    return output.getvalue()


def test_first_run_creates_and_second_finds_nothing_to_do(sites_yml: Path) -> None:
    sites_yml.write_text(NODE_EXAMPLE)
    assert seed_sites() == "+ newsite\n+ newsite.apiKey: 5…\n"
    assert seed_sites() == "Sites are up to date.\n"


def test_no_file_is_nothing_to_do(sites_yml: Path) -> None:
    assert seed_sites() == "Sites are up to date.\n"


def test_dry_run_writes_nothing(sites_yml: Path) -> None:
    sites_yml.write_text(NODE_EXAMPLE)
    assert seed_sites("--dry-run") == "+ newsite\n+ newsite.apiKey: 5…\n"
    assert not Site.objects.exists()


def test_update_applies_the_file(sites_yml: Path) -> None:
    sites_yml.write_text(NODE_EXAMPLE)
    seed_sites()
    sites_yml.write_text(NODE_EXAMPLE.replace("user_", "u_"))
    line = "~ newsite.userRoomPrefix: 'user_' -> 'u_'"
    assert seed_sites() == f"{line} (left alone; --update applies it)\n"
    assert seed_sites("--update") == f"{line}\n"
    assert Site.objects.get().user_room_prefix == "u_"


def test_site_of_the_environment_is_seeded(
    sites_yml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites_yml.write_text(NODE_EXAMPLE)
    monkeypatch.setenv("SITE_NAME", "shop")
    monkeypatch.setenv("AUTH_URL", "http://shop.com")
    monkeypatch.setenv("API_KEY", "1234")
    assert seed_sites() == "+ shop\n+ shop.apiKey: 1…\n"


def test_named_file_is_read_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_NAME", "shop")
    path = tmp_path / "other.yml"
    path.write_text(NODE_EXAMPLE)
    assert seed_sites("--file", str(path)).startswith("+ newsite\n")


@pytest.mark.parametrize("text", ["newsite: {authUrl: a.com, apiKey: 1}", "{", None])
def test_wrong_or_absent_file_is_one_line_and_exit_code_2(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "other.yml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CommandError) as caught:
        seed_sites("--file", str(path))
    assert caught.value.returncode == 2
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_wrong_file_ends_the_real_command_without_traceback(tmp_path: Path) -> None:
    path = tmp_path / "other.yml"
    path.write_text("newsite: {authUrl: a.com, apiKey: s3cret}")
    command = [sys.executable, "manage.py", "seed_sites", "--file", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"CommandError: {path}: newsite.authUrl: 'a.com' is refused. ")
    assert result.stderr.count("\n") == 1


def test_database_without_tables_is_told_without_traceback(sites_yml: Path) -> None:
    sites_yml.write_text(NODE_EXAMPLE)
    command = [sys.executable, "manage.py", "seed_sites", "--file", str(sites_yml)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("CommandError: The database cannot be used: no such table")
    assert result.stderr.endswith("; manage.py migrate makes its tables\n")


def test_help_says_that_deleted_sites_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("seed_sites", "--help")
    assert "disable it instead" in capsys.readouterr().out
