"""`config/deploy/Dockerfile` and `compose.yml`: right as far as that shows without an engine."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
DEPLOY = PROJECT / "config" / "deploy"
COPY = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    found = shutil.which(program, path=path)
    assert found, f"{program} of requirements/dev.txt is not installed"
    command = [found, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    compose: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    return dict(compose["services"])


def copied() -> list[str]:
    """What the Dockerfile takes of the repository."""
    text = (DEPLOY / "Dockerfile").read_text()
    return [name for names in COPY.findall(text) for name in names.split()]


def test_the_linter_has_nothing_against_the_dockerfile() -> None:
    done = run("hadolint", "--no-color", str(DEPLOY / "Dockerfile"))
    assert (done.returncode, done.stdout) == (0, "")


def test_compose_takes_its_file(tmp_path: Path) -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    done = run("check-jsonschema", *schema, str(DEPLOY / "compose.yml"))
    assert done.returncode == 0, done.stdout
    wrong = (DEPLOY / "compose.yml").read_text().replace("read_only:", "readonly:")
    (tmp_path / "compose.yml").write_text(wrong)
    assert run("check-jsonschema", *schema, str(tmp_path / "compose.yml")).returncode == 1


def test_what_is_copied_is_all_that_the_service_needs(tmp_path: Path) -> None:
    kept = [
        line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    for name in copied():
        assert any(each.startswith(name) for each in kept), f".dockerignore leaves out {name}"
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, tmp_path / name)
        else:
            shutil.copy(PROJECT / name, tmp_path / name)
    own = {"SIOWEB_DATA_DIR": str(tmp_path / "data"), "SIOWEB_CONFIG_DIR": str(tmp_path / "none")}
    command = [sys.executable, "manage.py", "check"]
    environment = {"PATH": os.environ["PATH"]} | own
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_no_container_may_do_more_than_it_has_to(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
    assert re.search(r"^USER \d+:\d+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert all(services[name]["user"] != "root" for name in ("redis", "postgres"))
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:1337:1337"]


def test_secrets_come_from_a_file_of_the_administrator(services: dict[str, Any]) -> None:
    example = (DEPLOY / "compose.env.example").read_text()
    text = (DEPLOY / "compose.yml").read_text()
    for name in set(re.findall(r"\$\{(\w+):\?", text)):
        assert re.search(rf"^{name}=$", example, re.MULTILINE), name
    secrets = [*services["sioweb"]["environment"].values(), *services["redis"]["command"]]
    assert sum("${" in each for each in secrets) == 5


def test_redis_keeps_what_waits(services: dict[str, Any]) -> None:
    command = services["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert services["redis"]["volumes"] == ["redis:/data"]
