"""What stands in for systemd: it reads the shipped units, and does what they say."""

import signal
from functools import partial
from pathlib import Path

import pytest

from tests.deploy.init_system import InitSystem
from tests.deploy.units import LEFT_OUT, ServiceUnit, SocketUnit, UnitError
from tests.e2e.waiting import until
from tests.shipped import shipped

NAME = "sioweb@1337.service"
SERVE = "/usr/bin/env .venv/bin/python manage.py serve --host 127.0.0.1 --port %i --sid-prefix %i-"
# What stands in place of the service: says that it is ready, and then waits for its end.
READY = """
import os, signal, socket
{first}
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
signal.pause()
"""


def read(part: str = "KillSignal=SIGTERM", own: str = "KillSignal=SIGTERM") -> ServiceUnit:
    return ServiceUnit.read(NAME, shipped("systemd/sioweb@.service", {part: own}))


def set_up(folder: Path, command: str, **own: str) -> InitSystem:
    (folder / "srv" / "current").mkdir(parents=True)
    (folder / "program.py").write_text(command)
    (folder / "sioweb.env").write_text("SIOWEB_ENV=production\n")
    replaced = {
        "/etc/sioweb/sioweb.env": str(folder / "sioweb.env"),
        "/srv/sioweb": str(folder / "srv"),
        SERVE: f"/usr/bin/env python3 -S {folder}/program.py",
    }
    return InitSystem(folder / "init", replaced | own)


def test_the_service_unit_is_understood() -> None:
    unit = read()
    command = "/usr/bin/env .venv/bin/python manage.py serve --host 127.0.0.1 --port 1337"
    assert unit.command == (*command.split(), "--sid-prefix", "1337-")
    assert (unit.kill_signal, unit.stop_seconds) == (signal.SIGTERM, 45)
    assert unit.environment_files == (Path("/etc/sioweb/sioweb.env"),)
    assert (unit.umask, set(unit.final_codes), unit.log_name) == (0o077, {2}, "sioweb-1337")


def test_the_socket_unit_is_understood() -> None:
    unit = SocketUnit.read("sioweb@1337.socket", shipped("systemd/sioweb@.socket", {}))
    assert (unit.address, unit.backlog) == (("127.0.0.1", 1337), 4096)


def test_what_is_left_out_stands_in_the_unit() -> None:
    text = shipped("systemd/sioweb@.service", {})
    assert [name for name in LEFT_OUT if f"\n{name.partition('.')[2]}=" not in text] == []


@pytest.mark.parametrize(
    ("part", "own", "problem"),
    [
        ("KillSignal=SIGTERM", "ExecReload=/bin/kill -HUP $MAINPID", "Service.KillSignal: one"),
        ("UMask=0077", "UMask=0077\nExecStartPre=/bin/true", "Service.ExecStartPre=/bin/true is"),
        ("Type=notify", "Type=simple", "Service.Type=simple: known is notify"),
        ("KillMode=mixed\n", "", "Service.KillMode: one value is due"),
        ("TimeoutStopSec=45", "TimeoutStopSec=1min", "1min: known are plain numbers"),
        ("TimeoutStopSec=45", "TimeoutStopSec=0", "0 would be no limit"),
        ("--port %i", "--port %I", "only %i is known here"),
        ("ExecStart=/usr/bin/env", "ExecStart=-/usr/bin/env", "ExecStart=-/usr/bin/env"),
        ("--port %i", "--port $PORT", "plain arguments"),
        ("EnvironmentFile=/", "EnvironmentFile=-/", "-/etc/sioweb/sioweb.env: known are absolute"),
        ("UMask=0077", "UMask=0077 \\\n", "sioweb@1337.service: UMask"),
        ("[Unit]", "", "sioweb@1337.service: Description="),
    ],
)
def test_what_is_not_known_is_refused(part: str, own: str, problem: str) -> None:
    with pytest.raises(UnitError, match=problem.replace("$", r"\$")):
        read(part, own)


async def test_a_unit_is_active_when_it_says_so_and_ends_by_its_signal(tmp_path: Path) -> None:
    init = set_up(tmp_path, READY.format(first="print(os.environ['SIOWEB_ENV'], flush=True)"))
    async with init.running():
        assert await init.restart(NAME) == (0, "")
        unit = init.units[NAME]
        assert unit.state == ("active", "running")
        assert unit.log.read_text() == "production\n"
    assert (unit.state, init.late) == (("inactive", "dead"), [])


@pytest.mark.parametrize(
    ("code", "state"), [(1, ("activating", "auto-restart")), (2, ("failed", "failed"))]
)
async def test_a_unit_that_ends_before_has_failed_and_may_be_tried_again(
    code: int, state: tuple[str, str], tmp_path: Path
) -> None:
    init = set_up(tmp_path, f"raise SystemExit({code})")
    async with init.running():
        answer = await init.restart(NAME)
        assert answer[0] == 1
        assert answer[1].startswith(f"Job for {NAME} failed")
        assert init.units[NAME].state == state


async def is_active(init: InitSystem) -> bool:
    return init.units[NAME].state == ("active", "running")


async def test_a_unit_that_fails_is_started_again(tmp_path: Path) -> None:
    fails_once = "if not os.path.exists('been'): open('been', 'w').close(); os._exit(1)"
    init = set_up(tmp_path, READY.format(first=fails_once), **{"RestartSec=2": "RestartSec=0"})
    async with init.running():
        await init.restart(NAME)
        await until(partial(is_active, init), "it is started again")


async def test_a_unit_that_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    own = {"TimeoutStopSec=45": "TimeoutStopSec=1"}
    init = set_up(tmp_path, READY.format(first=deaf), **own)
    async with init.running():
        await init.restart(NAME)
    assert init.late == [NAME]
    assert init.units[NAME].state == ("failed", "failed")
