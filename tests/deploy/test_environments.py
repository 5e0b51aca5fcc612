"""What a fabfile may say, and what it is told when it says something else."""

from typing import Any

import pytest

from config.deploy.rollout.environments import Environment
from config.deploy.rollout.exceptions import Failure

GOOD: dict[str, Any] = {"hosts": ["deploy@example.net"], "ports": [1337, 1338]}


def test_what_is_not_said_is_as_the_production_guide_has_it() -> None:
    environment = Environment.read("production", GOOD)
    assert environment.base == "/srv/sioweb"
    assert environment.restart_of(1337) == "sudo -n systemctl restart sioweb@1337.service"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"prots": [1]}, "production: no such setting: 'prots'; known: hosts, ports,"),
        ({"hosts": "example.net"}, "production.hosts: 'example.net'; accepted: different servers"),
        ({"hosts": []}, "production.hosts: []; accepted: different servers"),
        ({"hosts": ["a", "a"]}, "production.hosts: ['a', 'a']; accepted: different servers"),
        ({"ports": [0]}, "production.ports: [0]; accepted: different ports"),
        ({"ports": [True]}, "production.ports: [True]; accepted: different ports"),
        ({"ports": [[1337]]}, "production.ports: [[1337]]; accepted: different ports"),
        ({"base": "srv"}, "production.base: 'srv'; accepted: an absolute path"),
        ({"base": "/srv/a b"}, "production.base: '/srv/a b'; accepted: an absolute path"),
        ({"branch": " "}, "production.branch: ' '; accepted: a branch, tag or commit"),
        ({"unit": "sioweb"}, "production.unit: 'sioweb'; accepted: a unit's name with {port}"),
        ({"restart": "reboot"}, "production.restart: 'reboot'; accepted: a command with {unit}"),
        ({"ready_seconds": 0}, "production.ready_seconds: 0; accepted: 1 to 3600 seconds"),
        (
            {"keep_releases": 3601},
            "production.keep_releases: 3601; accepted: a number from 1 to 3600",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_is_accepted(
    changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(Failure) as failure:
        Environment.read("production", GOOD | changes)
    assert str(failure.value).startswith(problem)


@pytest.mark.parametrize("setting", ["hosts", "ports"])
def test_hosts_and_ports_have_to_be_said(setting: str) -> None:
    settings = {name: value for name, value in GOOD.items() if name != setting}
    with pytest.raises(Failure, match=rf"production\.{setting}: missing; accepted: "):
        Environment.read("production", settings)


def test_settings_have_names() -> None:
    with pytest.raises(Failure, match="accepted: settings by name"):
        Environment.read("production", "example.net")
