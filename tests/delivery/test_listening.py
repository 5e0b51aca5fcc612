"""Where `serve` listens and where it does not, and whom it tells."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from delivery import listening
from delivery.systemd import say_ready


@pytest.fixture
def no_listener() -> Iterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.fileno()


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.fileno()


def test_what_cannot_be_listened_on_is_refused(no_listener: int) -> None:
    with pytest.raises(CommandError, match=f"socket {no_listener}: it is no socket that listens"):
        call_command("serve", fd=no_listener)
    with pytest.raises(CommandError, match=r"no open socket \(Bad file descriptor"):
        call_command("serve", fd=999_999)


@pytest.mark.parametrize("option", ["fd", "sid_prefix"])
def test_workers_take_neither_socket_nor_prefix(option: str, listener: int) -> None:
    given = {"fd": listener, "sid_prefix": "1337-"}[option]
    with pytest.raises(CommandError, match=r"--workers: .*accepted: no") as refused:
        call_command("serve", workers=2, **{option: given})
    assert refused.value.returncode == 2


@pytest.mark.parametrize("port", ["65536", "-1", "80.0", "http", "9" * 5_000])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(CommandError, match="port: expected 0 to 65535, got"):
        call_command("serve", f"--port={port}")


@pytest.mark.parametrize("host", ["", " "])
def test_a_host_without_a_name_is_refused(host: str) -> None:
    with pytest.raises(CommandError, match="host: expected a host name or an IP address"):
        call_command("serve", f"--host={host}")


@pytest.mark.parametrize("prefix", ["a b", "a" * 17, "a&sid=b"])
def test_a_prefix_that_is_no_part_of_an_id_is_refused(prefix: str) -> None:
    with pytest.raises(CommandError, match="sid-prefix: expected up to 16 letters"):
        call_command("serve", f"--sid-prefix={prefix}")


def test_nobody_to_tell_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    say_ready({})
    assert not caplog.records
    say_ready({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    assert "was not told" in caplog.text


async def test_requests_that_do_not_end_in_time_are_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "REQUESTS_TIMEOUT_SECONDS", 0)
    endless: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await listening.finish([endless])
    assert "1 requests are cut off" in caplog.text
    assert not endless.done()
