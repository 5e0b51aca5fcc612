"""System checks: what starts, but is unwise."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core import checks as django_checks
from pytest_django import Settings

from sioweb_project import checks
from sioweb_project.admin_config import AdminConfig
from sioweb_project.config import PROJECT_DIR, Config, IoConfig, RedisConfig

GOOD_KEY = "k" * 50


@pytest.fixture
def good(tmp_path: Path) -> Config:
    return Config(
        redis=RedisConfig("redis://127.0.0.1:6379/0"),
        data_dir=tmp_path / "var",
        secret_key=GOOD_KEY,
        allowed_hosts=("push.example.com",),
        admin=AdminConfig(is_https=True, hsts_seconds=3600),
    )


def found(settings: Settings, config: Config) -> list[str]:
    """Return the ids of what all checks say of a configuration."""
    settings.CONFIG = config
    messages = [m for check in (*checks.ALWAYS, *checks.FOR_DEPLOYMENT) for m in check()]
    assert all(message.msg and message.hint for message in messages)
    return [str(message.id) for message in messages]


def test_good_configuration_has_nothing_to_say(settings: Settings, good: Config) -> None:
    assert found(settings, good) == []


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ({"warnings": ("a", "b")}, ["sioweb.W001", "sioweb.W001"]),
        ({"secret_key": "k" * 49}, ["sioweb.W004"]),
        ({"secret_key": "short", "environment": "development"}, []),
        ({"io": IoConfig(ping_interval_seconds=0.025)}, ["sioweb.W005"]),
        ({"io": IoConfig(ping_timeout_seconds=0.02)}, ["sioweb.W005"]),
        ({"io": IoConfig(connect_timeout_seconds=0.045)}, ["sioweb.W005"]),
        ({"io": IoConfig(cors_credentials=True)}, ["sioweb.W006"]),
        (
            {"io": IoConfig(cors_credentials=True, cors_allowed_origins=("https://a",))},
            [],
        ),
        ({"redis": RedisConfig(None)}, ["sioweb.W007"]),
        ({"allowed_hosts": ("*",)}, ["sioweb.W008"]),
        ({"admin": AdminConfig(hsts_seconds=3600)}, ["sioweb.W009"]),
        ({"admin": AdminConfig(is_https=False)}, ["sioweb.W009"]),
        ({"admin": AdminConfig(is_https=True)}, ["sioweb.W009"]),
    ],
)
def test_unwise_setting_has_a_message_of_its_own(
    settings: Settings, good: Config, changes: dict[str, Any], ids: list[str]
) -> None:
    assert found(settings, replace(good, **changes)) == ids


def test_folder_and_key_open_to_others_are_told(settings: Settings, good: Config) -> None:
    good.data_dir.mkdir(mode=0o700)
    key = good.data_dir / "secret_key"
    key.touch(0o600)
    assert found(settings, good) == []
    key.chmod(0o604)
    good.data_dir.chmod(0o705)
    assert found(settings, good) == ["sioweb.W002", "sioweb.W003"]


def test_no_message_holds_the_secret_key(settings: Settings, good: Config) -> None:
    settings.CONFIG = replace(good, secret_key="hunter2")
    (message,) = (message for check in checks.ALWAYS for message in check())
    assert "hunter2" not in f"{message}"


def test_checks_run_with_manage_py_check(settings: Settings, good: Config) -> None:
    settings.CONFIG = replace(good, warnings=("an option of Node",), allowed_hosts=("*",))
    usual = {message.id for message in django_checks.run_checks()}
    thorough = {message.id for message in django_checks.run_checks(include_deployment_checks=True)}
    assert "sioweb.W001" in usual
    assert "sioweb.W008" in thorough - usual


def test_deployment_check_of_django_is_clean_in_production(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(
        "production: {allowed_hosts: [push.example.com], admin: {https: true}}"
    )
    variables = {"SIOWEB_CONFIG_DIR": str(tmp_path), "SIOWEB_DATA_DIR": str(tmp_path / "var")}
    names = ("SIOWEB_", "NODE_ENV", "DJANGO")
    own = {key: value for key, value in os.environ.items() if not key.startswith(names)}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "INFO"]
    run = subprocess.run(
        command, cwd=PROJECT_DIR, env=own | variables, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "no issues" in run.stdout
