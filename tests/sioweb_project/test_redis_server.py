"""Which program becomes the embedded Redis, and what is said when none does."""

from pathlib import Path

import pytest

from sioweb_project import redis_server
from sioweb_project.config import ConfigError
from tests.sioweb_project.conftest import Start
from tests.sioweb_project.redis_clients import is_running


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of one empty folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def write_program(folder: Path, name: str, script: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def wheel_program() -> str:
    return list(redis_server.programs())[-1]


def test_programs_of_the_machine_come_before_the_wheels(programs: Path) -> None:
    wheel = wheel_program()
    redis_path = write_program(programs, "redis-server", "exit 1")
    valkey_path = write_program(programs, "valkey-server", "exit 1")
    assert list(redis_server.programs()) == [str(valkey_path), str(redis_path), wheel]


def test_program_that_does_not_start_gives_way_to_the_next(start: Start, programs: Path) -> None:
    write_program(programs, "redis-server", "echo no memory >&2; exit 1")
    assert is_running(start().url)


def test_program_on_the_path_is_used(start: Start, programs: Path, tmp_path: Path) -> None:
    write_program(programs, "valkey-server", f'echo > {tmp_path}/used; exec {wheel_program()} "$@"')
    assert is_running(start().url)
    assert (tmp_path / "used").exists()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo starting; echo no memory >&2; exit 1", "redis-server: no memory"),
        ("exit 1", "redis-server: ended without a word"),
    ],
)
def test_no_program_that_starts_is_one_clear_line(
    start: Start,
    data_dir: Path,
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    reason: str,
) -> None:
    program = write_program(programs, "redis-server", script)
    monkeypatch.setattr(redis_server, "programs", lambda: iter([str(program)]))
    with pytest.raises(ConfigError) as caught:
        start()
    assert str(caught.value) == (
        f"{data_dir}/redis: no embedded Redis ({programs}/{reason}); accepted: a Redis server of"
        " your own in SIOWEB_REDIS_URL, such as redis://127.0.0.1:6379/0"
    )


def test_machine_without_any_program_is_told_so(
    start: Start, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_server, "programs", lambda: iter([]))
    with pytest.raises(ConfigError, match="no valkey-server or redis-server on PATH, and"):
        start()


def test_failed_start_leaves_the_folder_free(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(redis_server, "programs", lambda: iter(["/nowhere/redis-server"]))
        with pytest.raises(ConfigError, match="No such file or directory"):
            start()
    assert is_running(start().url)
