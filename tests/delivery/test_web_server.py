"""Both web servers, each in a process of its own: listening, signals, and a gentle end."""

import asyncio
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from twisted.logger import Logger, globalLogPublisher
from twisted.python.failure import Failure

from delivery.daphne_request import BoundedRequest
from delivery.daphne_server import log_failure
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS
from tests.delivery.web_server_process import HEAD_BYTES, LISTEN_ERROR_CODE, MESSAGE_BYTES

PROJECT = Path(__file__).parents[2]
HOST = "127.0.0.1"


@dataclass
class WebProcess:
    """A running `web_server_process`, its lines as they are read."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    port: int = 0

    async def read_until(self, text: str) -> str:
        """Return the next line that begins so."""
        assert self.process.stdout is not None
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while line := (await self.process.stdout.readline()).decode().rstrip():
                self.lines.append(line)
                if line.startswith(text):
                    return line
        pytest.fail(f"No line {text!r} in {self.lines}")

    async def listen(self) -> None:
        self.port = int((await self.read_until("listening ")).split()[-1])

    async def end(self) -> int:
        """Wait for the end; return the exit code."""
        assert self.process.stdout is not None
        async with asyncio.timeout(TIMEOUT_SECONDS):
            rest = await self.process.stdout.read()
            self.lines += rest.decode().splitlines()
            return await self.process.wait()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, self.port)

    def request(
        self, path: str, lines: str = "Y: y", body: str = "", method: str = "GET"
    ) -> asyncio.Task[bytes]:
        """Ask for a path; the result is all that comes back."""
        length = f"Content-Length: {len(body)}"
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{length}\r\n{lines}"
        return asyncio.create_task(self._request(f"{head}\r\n\r\n{body}".encode()))

    async def _request(self, text: bytes) -> bytes:
        reader, writer = await self.connect()
        writer.write(text)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


Start = Callable[..., Awaitable[WebProcess]]


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    processes: list[asyncio.subprocess.Process] = []

    async def start(server: str, port: int = 0, *options: str) -> WebProcess:
        module = "tests.delivery.web_server_process"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, server, str(port), *options),
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
        )
        processes.append(process)
        return WebProcess(process)

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


both_servers = pytest.mark.parametrize("server", ["daphne", "uvicorn"])


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
    assert str(taken_port) in error
    assert "address already in use" in error.lower()


async def send_endless_head(process: WebProcess) -> bytes:
    """Return the answer to a header that does not end."""
    reader, writer = await process.connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
    answer = asyncio.create_task(reader.read())
    for _ in range(HEAD_BYTES // 1000 + 1):
        writer.write(b"x" * 1000)
        await writer.drain()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        text = await answer
    writer.close()
    return text


@both_servers
async def test_a_head_past_its_bound_is_answered_with_431(start: Start, server: str) -> None:
    process = await start(server)
    await process.listen()
    too_long = HEAD_BYTES + 100
    for lines in (f"X: {'x' * too_long}", "\r\n".join(["X: " + "x" * 1000] * 21)):
        assert (await process.request("/", lines)).startswith(b"HTTP/1.1 431 ")
        await process.read_until("too long")
    assert (await process.request(f"/?{'x' * too_long}")).startswith(b"HTTP/1.1 431 ")
    assert b" 200 " in await process.request("/", f"X: {'x' * (HEAD_BYTES - 1000)}")
    assert b" 200 " in await process.request("/", body="x" * too_long)
    sent = await process.request("/send", f"X: {'x' * too_long}", method="POST")
    assert sent.startswith(b"HTTP/1.1 431 ")
    assert b" 200 " in await process.request("/send", body="x" * too_long, method="POST")
    assert (await send_endless_head(process)).startswith(b"HTTP/1.1 431 ")


@both_servers
async def test_nobody_tells_the_service_where_it_stands(start: Start, server: str) -> None:
    """Its links would lead there."""
    process = await start(server)
    await process.listen()
    await process.request("/page", "Daphne-Root-Path: /evil")
    assert await process.read_until("request") == "request /page"


async def test_a_body_past_its_bound_is_answered_with_413_while_it_arrives(start: Start) -> None:
    """uvicorn leaves that to the application: see test_asgi."""
    process = await start("daphne")
    await process.listen()
    part = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    chunks = b"POST /any HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    announced = f"POST /any HTTP/1.1\r\nHost: x\r\nContent-Length: {MESSAGE_BYTES + 1}\r\n\r\n"
    count = MESSAGE_BYTES // 0x1000 + 1
    for text in (chunks + part * count, chunks + part * count + b"0\r\n\r\n", announced.encode()):
        reader, writer = await process.connect()
        writer.write(text)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert (await reader.read()).startswith(b"HTTP/1.1 413 ")
        writer.close()
    body = "x" * MESSAGE_BYTES
    assert b" 200 " in await process.request("/whole", body=body, method="POST")
    await process.read_until("answered /whole")
    assert "request /any" not in process.lines


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
