"""Web servers that a test starts, each in a process of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from tests.delivery.socket_fixtures import TIMEOUT_SECONDS

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


both_servers = pytest.mark.parametrize("server", ["daphne", "uvicorn"])
