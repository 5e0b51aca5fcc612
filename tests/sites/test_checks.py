"""`manage.py check` on sites.yml."""

from pathlib import Path

import pytest
from django.core.checks import run_checks

from sites.checks import check_sites_file


def test_good_file_passes(sites_yml: Path) -> None:
    sites_yml.write_text("newsite: {authUrl: http://newsite.com, apiKey: 54321}")
    assert check_sites_file() == []


def test_wrong_file_is_an_error_with_id_and_hint(sites_yml: Path) -> None:
    sites_yml.write_text("newsite: {authUrl: newsite.com, apiKey: 54321}")
    [error] = check_sites_file()
    assert error.id == "sites.E001"
    assert error.msg.startswith(f"{sites_yml}: newsite.authUrl: 'newsite.com' is refused. ")
    assert "seed_sites --dry-run" in (error.hint or "")


@pytest.mark.urls("tests.sites.urls")
def test_manage_py_check_runs_it(sites_yml: Path) -> None:
    sites_yml.write_text("newsite")
    assert "sites.E001" in [message.id for message in run_checks()]
