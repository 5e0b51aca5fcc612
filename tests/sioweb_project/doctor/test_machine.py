"""Faults of the machine, the port and the configuration."""

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import Settings

from sioweb_project.config import RedisConfig
from sioweb_project.doctor import configuration, examination, machine, port, processes
from sioweb_project.doctor.findings import Finding, Level
from tests.e2e.waiting import until_taken
from tests.redis_process import free_port
from tests.sioweb_project.doctor.saying import only, says

WAIT = "import sys; print('here', flush=True); sys.stdin.read()"
GOOD = {
    "net/core/somaxconn": "4096",
    "net/ipv4/ip_local_port_range": "32768\t60999",
    "vm/overcommit_memory": "1",
}


def test_a_process_of_the_service_with_few_files_is_found() -> None:
    command = f'ulimit -n 256; exec "{sys.executable}" -c "{WAIT}" manage.py serve'
    pipe = subprocess.PIPE
    with subprocess.Popen(["sh", "-c", command], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        [found] = [each for each in processes.running() if each.pid == process.pid]
        process.communicate()
    assert found.most_files == 256
    says(machine.look_at_files(0, 256, "it"), Level.WARN, "256 files", "LimitNOFILE=65536")
    says(machine.look_at_files(240, 256, "it"), Level.FAIL, "has 240", "LimitNOFILE=65536")


@pytest.mark.parametrize(
    ("name", "value", "mend"),
    [
        ("net/core/somaxconn", "128", "sysctl -w net.core.somaxconn=4096"),
        ("net/ipv4/ip_local_port_range", "60000 61000", '"10240 65535"'),
        ("vm/overcommit_memory", "0", "sysctl -w vm.overcommit_memory=1"),
    ],
)
def test_a_setting_of_the_kernel_is_found(
    name: str, value: str, mend: str, tmp_path: Path, settings: Settings
) -> None:
    settings.CONFIG = replace(settings.CONFIG, redis=RedisConfig(None))
    for file, text in (GOOD | {name: value}).items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(f"{text}\n")
    [found] = [each for each in machine.look_at_kernel(tmp_path) if each.level is not Level.OK]
    says(found, Level.WARN, name.replace("/", "."), mend)


def test_a_full_disk_is_found(tmp_path: Path) -> None:
    says(machine.judge_space(tmp_path, 100_000_000), Level.FAIL, "95 MiB are free", "df -h")
    says(machine.judge_space(tmp_path, 900_000_000), Level.WARN, "858 MiB are free", "df -h")
    says(machine.look_at_disk(tmp_path / "not" / "there" / "yet"), Level.OK, f"{tmp_path}", "")


def test_a_data_folder_that_is_open_to_others_is_found(tmp_path: Path, settings: Settings) -> None:
    tmp_path.chmod(0o755)
    settings.CONFIG = replace(settings.CONFIG, data_dir=tmp_path)
    found = [each for each in configuration.examine() if str(tmp_path) in each.text]
    says(found[0], Level.WARN, "can look into", f"chmod o-rwx {tmp_path}")


async def test_another_program_on_the_port_is_found() -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    number = server.sockets[0].getsockname()[1]
    async with server:
        found = await port.look_at_port("127.0.0.1", number)
        await until_taken()
    says(found, Level.FAIL, "something else", f"ss -ltnp 'sport = :{number}'")


async def test_a_port_that_is_free_is_told() -> None:
    says(await port.look_at_port("127.0.0.1", free_port()), Level.OK, "nothing listens", "")


def test_a_low_port_without_the_right_to_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    says(port.judge_free(80), Level.FAIL, "80 is for root alone", "CAP_NET_BIND_SERVICE")
    says(port.judge_free(8080), Level.OK, "nothing listens on 8080", "")


async def test_what_takes_for_ever_is_told_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hang() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(examination, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(examination, "LOOKS", (("redis", hang), ("port", port.examine)))
    found = await examination.examine()
    says(only(found, "redis"), Level.FAIL, "could not be looked at", "around this one")
    assert [each.subject for each in found] == ["redis", "port"]
