"""How a process is seen on the server."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.deploy.rollout.remote.processes import connections, release_of, why_not_ready

NEVER = 2**31  # seconds since 1970, long from now


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def current(tmp_path: Path) -> Path:
    link = tmp_path / "current"
    link.symlink_to("releases/newest")
    return link


@pytest.fixture
def folders_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of another user namespace are from all but root."""
    readlink = Path.readlink

    def refuse(path: Path) -> Path:
        if path.is_relative_to("/proc"):
            raise PermissionError
        return readlink(path)

    monkeypatch.setattr(Path, "readlink", refuse)


def test_a_process_runs_the_release_that_it_was_started_in(current: Path) -> None:
    assert release_of(os.getpid(), current) == Path.cwd().name


def test_a_process_that_has_ended_runs_none(current: Path) -> None:
    assert release_of(2**22 + 1, current) == ""  # above the highest pid of Linux


@pytest.mark.usefixtures("folders_are_hidden")
def test_where_that_is_hidden_it_is_told_by_when_it_began(current: Path) -> None:
    os.utime(current, (0, 0), follow_symlinks=False)
    assert release_of(os.getpid(), current) == "newest"
    os.utime(current, (NEVER, NEVER), follow_symlinks=False)
    assert release_of(os.getpid(), current) == ""


def test_connections_are_those_at_its_port(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert connections(port) == 0
    with socket.create_connection(("127.0.0.1", port)):
        assert connections(port) == 1


def test_nobody_who_listens_is_not_ready(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    assert "Connection refused" in why_not_ready(port)
