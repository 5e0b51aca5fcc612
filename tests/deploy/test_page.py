"""docs/deploying.md says of settings and of sudo what the code has."""

import re
from dataclasses import MISSING, Field, fields
from typing import Any

import pytest

from config.deploy.rollout.environments import Environment
from config.deploy.rollout.tasks import COMMANDS
from tests.e2e.service import PROJECT

PAGE = (PROJECT / "docs/deploying.md").read_text()
SUDO = "sudo -n "
AS_SERVICE, AS_ROOT = "deploy ALL=(sioweb) NOPASSWD: ALL", "deploy ALL=(root) NOPASSWD: "


@pytest.mark.parametrize("field", fields(Environment), ids=lambda field: field.name)
def test_every_setting_is_told_with_its_default(field: Field[Any]) -> None:
    [row] = [row for row in PAGE.splitlines() if re.match(rf"\| .*`{field.name}`[^|]*\|", row)]
    if field.default is not MISSING and field.name != "build":
        assert str(field.default) in row.split("|")[-2]


def test_sudo_lets_the_deploy_do_what_it_does() -> None:
    environment = Environment.read("production", {"hosts": ["a"], "ports": [1337, 1338]})
    assert environment.as_service == "sudo -n -u sioweb"
    assert AS_SERVICE in PAGE
    [rule] = [line for line in PAGE.splitlines() if line.startswith(AS_ROOT)]
    allowed = rule.removeprefix(AS_ROOT).replace("/usr/bin/", "").split(", ")
    assert allowed == [environment.restart_of(p).removeprefix(SUDO) for p in environment.ports]


def test_every_command_is_told() -> None:
    assert all(f"    fab production {command} " in PAGE for command in COMMANDS)
