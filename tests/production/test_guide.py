"""docs/production.md without a machine to follow it on: what it names is there."""

import re
import subprocess
from pathlib import Path

import yaml
from django.core.management import get_commands

from sioweb_project.config import load_config
from tests.production.guide import PROJECT, blocks, script

DEPLOY = PROJECT / "config" / "deploy"
FOR_CONTAINERS = {"Dockerfile", "compose.yml", "compose.env.example"}
FOR_METRICS = {"prometheus.yml", "prometheus-alerts.yml", "grafana-dashboard.json"}
FOR_DEPLOYING = {"__init__.py", "__pycache__", "rollout"}
HERE_DOCUMENT = re.compile(r"^cat > (\S+) <<'?EOF'?\n(.*?)^EOF$", re.DOTALL | re.MULTILINE)


def written(path: str) -> str:
    """What the guide writes to a file, with a name that it leaves to choose."""
    texts: dict[str, str] = dict(HERE_DOCUMENT.findall(script()))
    return texts[path].replace("$NAME", "push.example.org")


def test_every_block_is_for_a_shell() -> None:
    assert len(blocks()) > 10
    for block in blocks():
        done = subprocess.run(
            ["bash", "-n"], input=block.text, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, f"{block.line}: {done.stderr}"


def test_every_file_that_it_installs_is_there_and_the_other_way_round() -> None:
    folder = r"(?:/usr/local/src/sioweb|/srv/sioweb/current)/config/deploy/"
    named = {name.rstrip("/") for name in re.findall(folder + r"([\w.-]+/?)", script())}
    assert (
        named
        == {file.name for file in DEPLOY.iterdir()} - FOR_CONTAINERS - FOR_METRICS - FOR_DEPLOYING
    )


def test_every_command_of_the_service_exists() -> None:
    used = set(re.findall(r"^sioweb-manage (\w+)", script(), re.MULTILINE))
    assert used
    assert used <= set(get_commands())


def test_its_configuration_is_taken_without_a_warning(tmp_path: Path) -> None:
    environment = dict(
        line.split("=", 1) for line in written("/etc/sioweb/sioweb.env").splitlines()
    )
    (tmp_path / "config.yml").write_text(written("/srv/sioweb/shared/config/config.yml"))
    own = {"SIOWEB_CONFIG_DIR": str(tmp_path), "SIOWEB_DATA_DIR": str(tmp_path / "var")}
    config = load_config(environment | own | {"SIOWEB_REDIS_URL": "redis://:x@127.0.0.1:6379/0"})
    assert config.warnings == ()
    assert config.trusted_proxies == ("127.0.0.1",)
    assert config.admin.is_https


def test_units_and_site_stand_on_the_same_ground(tmp_path: Path) -> None:
    unit = (DEPLOY / "systemd" / "sioweb@.service").read_text()
    for path in ("/etc/sioweb/sioweb.env", "/srv/sioweb/shared/var", "/srv/sioweb/current"):
        assert path in unit
        assert path in script()
    site = (DEPLOY / "nginx.conf").read_text()
    for path in ("/etc/sioweb/tls", "/var/log/sioweb", "/var/lib/sioweb-acme"):
        assert path in site
        assert path in script()
    sites = yaml.safe_load(written("/srv/sioweb/shared/config/sites.yml"))
    assert set(sites) == {"newsite"}
