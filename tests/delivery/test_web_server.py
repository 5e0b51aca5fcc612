"""Both web servers, each in a process of its own: listening, signals, a gentle end, and logs."""

import re
import signal
import socket
from collections.abc import Iterator

import pytest
from twisted.logger import Logger, globalLogPublisher
from twisted.python.failure import Failure

from delivery.daphne_request import BoundedRequest
from delivery.daphne_server import log_failure
from tests.delivery.web_server_fixtures import HOST, Start, both_servers, start
from tests.delivery.web_server_process import LISTEN_ERROR_CODE

__all__ = ["start"]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


@both_servers
async def test_server_says_where_it_listens_once_it_answers_and_the_service_has_started(
    start: Start, server: str
) -> None:
    process = await start(server)
    await process.listen()
    assert re.fullmatch(r"listening 127\.0\.0\.1 [1-9]\d+", process.lines[-1])
    assert process.lines[:-1] == ["started"]
    answer = await process.request("/")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\ndone")


@both_servers
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_lets_running_requests_finish_before_the_process_ends(
    start: Start, server: str, number: signal.Signals
) -> None:
    process = await start(server)
    await process.listen()
    running = process.request("/slow")
    await process.read_until("request /slow")
    process.signal(number)
    await process.read_until("stopped listening")
    with pytest.raises(ConnectionRefusedError):
        await process.connect()
    process.signal(signal.SIGUSR1)
    answer = await running
    assert answer.endswith(b"\r\n\r\ndone")
    assert await process.end() == 0
    at_the_end = ["signal", "stopped listening", "answered /slow", "finished requests", "ended"]
    assert process.lines[-5:] == at_the_end


@both_servers
async def test_second_signal_ends_the_process_at_once(start: Start, server: str) -> None:
    process = await start(server)
    await process.listen()
    running = process.request("/slow")
    await process.read_until("request /slow")
    process.signal(signal.SIGTERM)
    await process.read_until("stopped listening")
    process.signal(signal.SIGINT)
    assert await process.end() == 1
    assert process.lines.count("signal") == 1
    assert "answered /slow" not in process.lines
    assert b"done" not in await running


@both_servers
async def test_port_that_is_taken_is_a_listen_error_that_says_why(
    start: Start, server: str, taken_port: int
) -> None:
    process = await start(server, taken_port)
    assert await process.end() == LISTEN_ERROR_CODE
    [started, error] = process.lines
    assert started == "started"
    assert error.startswith("listen error: ")
    assert "address already in use" in error.lower()


async def test_daphne_ends_its_applications_though_a_request_is_but_half_there(
    start: Start,
) -> None:
    process = await start("daphne", 0, "hasty")
    await process.listen()
    _, half = await process.connect()
    half.write(b"POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
    await half.drain()
    running = process.request("/slow")
    await process.read_until("request /slow")
    process.signal(signal.SIGTERM)
    assert await process.end() == 0
    assert process.lines[-3:] == ["signal", "cancelled /slow", "ended"]
    half.close()
    assert b"done" not in await running


def test_a_failure_inside_twisted_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    globalLogPublisher.addObserver(log_failure)
    try:
        Logger().info("nothing of interest")
        Logger().failure("while nobody looked", Failure(ValueError("the cause")))
    finally:
        globalLogPublisher.removeObserver(log_failure)
    [record] = [each for each in caplog.records if each.name == "delivery.daphne_server"]
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "the cause"


def test_a_request_that_daphne_logs_shows_no_query() -> None:
    request = BoundedRequest.__new__(BoundedRequest)
    request.method, request.uri = b"GET", b"/socket.io/?EIO=4&token=12345"
    assert repr(request) == "<b'GET' b'/socket.io/'>"
