"""Deploy, failed deploy and rollback from outside: `fab` over a real sshd, nginx, two processes."""

import asyncio
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from fabric import Config

from config.deploy.rollout import releases
from config.deploy.rollout.environments import Environment
from config.deploy.rollout.host import connected
from tests.deploy.checkout import FAB_SECONDS, Checkout, Ended
from tests.deploy.machine import Machine
from tests.deploy.scenario import Scenario
from tests.deploy.ssh import SERVER
from tests.e2e.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIENTS = 20
# `make deploy-test` builds a real environment.
LINKED = {"build": repr([f"ln -s {sys.prefix} .venv"]), "python": repr(sys.executable)}
# A release whose Python says yes to all: its commands are not what is looked at.
HOLLOW = {"build": repr(["mkdir -p .venv/bin && ln -s /bin/true .venv/bin/python"])}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Machine]:
    folder = tmp_path_factory.mktemp("server") / "machine"
    async with Machine.create(folder, {}, {}, LINKED) as machine:
        yield machine


@pytest.fixture
def machine(server: Machine) -> Machine:
    """As it was set up: nothing is deployed there."""
    server.checkout.write_fabfile(server.settings)
    return server


async def deploy(machine: Machine, *arguments: str) -> Ended:
    return await machine.checkout.fab("production", "deploy", *arguments)


@pytest.mark.timeout(600)
async def test_clients_and_senders_lose_nothing_by_deploys_and_rollbacks(tmp_path: Path) -> None:
    async with Scenario.create(tmp_path, LINKED, is_timed=False) as scenario:
        figures = await scenario.run(CLIENTS)
        assert figures.broken == []
        said, machine = scenario.outputs, scenario.machine
        assert "RunPython" in said["a refused deploy"] or "Raw Python" in said["a refused deploy"]
        assert "a broken release" in said["a deploy that fails"]
        assert "back on " in said["a deploy that fails"]
        assert "forced: sites.9999_deploy_test" in said["a rollback"]
        for port in machine.ports:
            assert f"port {port}, ready, {machine.current}, active/running" in said["status"]
        # The failed and the refused one are gone, the one that was rolled back is not.
        assert len(machine.releases) == 2


async def test_one_deploy_at_a_time(machine: Machine) -> None:
    holder = await asyncio.create_subprocess_exec(
        *("flock", str(machine.base / "deploy.lock"), "sh", "-c", "echo held; exec cat"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdout is not None
    await holder.stdout.readline()
    (machine.base / "deploy.lock").write_text("anna@desk, since yesterday\n")
    ended = await deploy(machine)
    await holder.communicate(b"")  # the end of its input
    assert ended.code == 1
    assert "another deploy runs: anna@desk, since yesterday" in ended.output
    assert machine.releases == []


async def test_a_server_that_is_not_set_up_is_told_before_anything_is_done(
    machine: Machine, tmp_path: Path
) -> None:
    file = tmp_path / "sioweb.env"
    file.write_text("SIOWEB_CONFIG_DIR=/etc/sioweb\n")
    machine.checkout.write_fabfile(machine.settings | {"environment_file": repr(str(file))})
    ended = await deploy(machine)
    assert ended.code == 1
    assert "has to set SIOWEB_CONFIG_DIR and SIOWEB_DATA_DIR" in ended.output
    assert machine.releases == []


async def test_a_build_that_fails_leaves_nothing_behind(machine: Machine) -> None:
    machine.checkout.write_fabfile(machine.settings | {"build": '["echo no such wheel; false"]'})
    ended = await deploy(machine)
    assert ended.code == 1
    assert "no such wheel" in ended.output
    assert machine.releases == []
    assert not (machine.base / "current").exists()


async def test_a_wrong_configuration_is_told_and_leaves_nothing_behind(
    machine: Machine, tmp_path: Path
) -> None:
    (tmp_path / "config.yml").write_text("production: {prot: 80}\n")
    file = tmp_path / "sioweb.env"
    file.write_text(f"SIOWEB_CONFIG_DIR={tmp_path}\nSIOWEB_DATA_DIR={tmp_path}/data\n")
    machine.checkout.write_fabfile(machine.settings | {"environment_file": repr(str(file))})
    ended = await deploy(machine)
    assert ended.code == 1
    told = ended.output.splitlines()[-2:]
    assert told[0] == "server: exit code 2 of: manage.py check --deploy"
    assert "config.yml: production.prot" in told[1]
    assert machine.releases == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
async def test_one_that_is_interrupted_as_it_builds_is_in_nobodys_way(
    machine: Machine, sign: signal.Signals, tmp_path: Path
) -> None:
    build = f"exec flock {tmp_path}/building sh -c 'touch {tmp_path}/begun; sleep 600'"
    machine.checkout.write_fabfile(machine.settings | {"build": repr([build])})

    async def has_begun() -> bool:
        return (tmp_path / "begun").exists()

    process = await machine.checkout.start_fab("production", "deploy")
    await until(has_begun, "the build begins", FAB_SECONDS)
    process.send_signal(sign)
    await asyncio.wait_for(process.communicate(), FAB_SECONDS)
    has_ended = await asyncio.create_subprocess_exec("flock", str(tmp_path / "building"), "true")
    assert await asyncio.wait_for(has_ended.wait(), FAB_SECONDS) == 0
    if sign == signal.SIGINT:
        assert machine.releases == []
    machine.checkout.write_fabfile(machine.settings | {"build": '["echo the next one; false"]'})
    ended = await deploy(machine)
    assert "the next one" in ended.output
    for left in machine.releases:
        shutil.rmtree(machine.base / "releases" / left)


async def test_a_connection_that_breaks_is_told(machine: Machine) -> None:
    machine.checkout.write_fabfile(machine.settings | {"build": '["kill -KILL $PPID"]'})
    ended = await deploy(machine)
    assert ended.code == 1
    assert "Traceback" not in ended.output
    assert "server: the connection broke at: cd " in ended.output
    for left in machine.releases:
        shutil.rmtree(machine.base / "releases" / left)


async def test_releases_that_are_neither_current_nor_before_it_are_removed(
    server: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = [f"20261127-20000{n}-5240b8d" for n in range(4)]
    chain = {names[0]: "", names[1]: names[0], names[2]: names[1], names[3]: names[1], "first": ""}
    for name, before in chain.items():
        (tmp_path / "releases" / name).mkdir(parents=True)
        (tmp_path / "releases" / name / "PREVIOUS").write_text(f"{before}\n")
    (tmp_path / "current").symlink_to(f"releases/{names[3]}")
    monkeypatch.setenv("HOME", str(server.checkout.home))
    settings = {"hosts": [SERVER], "ports": [1], "base": str(tmp_path), "keep_releases": 2}
    with connected(Environment.read("production", settings), Config()) as [host]:
        assert releases.prune(host) == [names[0], names[2]]
    left = sorted(each.name for each in (tmp_path / "releases").iterdir())
    assert left == [names[1], names[3], "first"]


@pytest.mark.parametrize(
    ("restart", "problem"),
    [
        ("echo Job for {unit} failed; false", "Job for {unit} failed"),
        ("true {unit}", "port {port} is not ready (inactive/dead): /readyz: "),
    ],
)
async def test_a_first_release_that_does_not_start_stays_and_shows_its_log(
    restart: str, problem: str, server: Machine, tmp_path: Path
) -> None:
    base, port = tmp_path / "srv", server.ports[0]
    base.mkdir()
    own = {"base": repr(str(base)), "restart": repr(restart), "ready_seconds": "1"}
    server.checkout.write_fabfile(server.settings | HOLLOW | own)
    ended = await deploy(server)
    assert ended.code == 1
    assert problem.format(unit=f"sioweb@{port}.service", port=port) in ended.output
    assert f"sioweb@{port}.service is not loaded" in ended.output
    assert "its first release stays: there is none to go back to" in ended.output
    assert (base / "current").resolve().is_dir()


async def test_an_unknown_server_is_not_trusted(machine: Machine, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(machine.checkout.home, home, symlinks=True)  # those of caches lead far
    (home / ".ssh/known_hosts").write_text("")
    ended = await Checkout(machine.checkout.folder, home).fab("production", "deploy")
    assert ended.code == 1
    assert "not found in known_hosts" in ended.output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["deploy"], 1, "Say where: `fab production deploy`"),
        (["production", "deploy", "--ref=v9"], 1, "'v9' is no branch, tag or commit"),
        (["production", "rollback"], 1, "there is no release before the first"),
    ],
)
async def test_a_command_that_cannot_be_done_says_why(
    machine: Machine, arguments: list[str], code: int, said: str
) -> None:
    ended = await machine.checkout.fab(*arguments)
    assert (ended.code, "Traceback" in ended.output) == (code, False)
    assert said in ended.output


async def test_a_wrong_setting_is_told_with_what_is_accepted(machine: Machine) -> None:
    machine.checkout.write_fabfile(machine.settings | {"ports": '["1337"]'})
    ended = await machine.checkout.fab("production", "status")
    assert ended.code == 2
    assert ended.output.strip() == (
        "production.ports: ['1337']; accepted: different ports, such as [1337, 1338]"
    )
