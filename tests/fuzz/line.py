"""One TCP connection to the service, and no library that would keep to a protocol."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.fuzz.findings import Findings

HANG_SECONDS = 60.0  # for an answer, or the end: a busy machine included
READ_BYTES = 65_536
MOST_KEPT_BYTES = 4_000_000
STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")


@dataclass
class Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: bytearray = field(default_factory=bytearray)
    is_over: bool = False  # the service has closed it

    async def write(self, data: bytes) -> None:
        """What the service has closed already takes nothing."""
        with suppress(ConnectionError):
            self.writer.write(data)
            async with asyncio.timeout(HANG_SECONDS):
                await self.writer.drain()

    async def until(self, *marks: bytes) -> bool:
        """Read until one of the marks has come; False = the service has closed the line before.

        Raises TimeoutError.
        """
        async with asyncio.timeout(HANG_SECONDS):
            while not self._has(marks) and not self.is_over:
                await self._read()
        return self._has(marks)

    async def rest(self) -> bytes:
        """Say that nothing more comes, and read on as `closed` does."""
        with suppress(OSError):
            self.writer.write_eof()
        return await self.closed()

    async def closed(self) -> bytes:
        """Read until the service closes; return all that it has said. Raises TimeoutError."""
        async with asyncio.timeout(HANG_SECONDS):
            while not self.is_over:
                await self._read()
        return bytes(self.heard)

    def _has(self, marks: Iterable[bytes]) -> bool:
        return any(mark in self.heard for mark in marks)

    async def _read(self) -> None:
        try:
            data = await self.reader.read(READ_BYTES)
        except ConnectionError:
            data = b""
        self.is_over = not data
        if len(self.heard) < MOST_KEPT_BYTES:
            self.heard += data


@asynccontextmanager
async def line_to(port: int) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.transport.abort()


def count_statuses(findings: Findings, heard: bytes) -> list[int]:
    """Return the statuses of all answers in it."""
    statuses = [int(status) for status in STATUS.findall(heard)]
    findings.answers.update(map(str, statuses))
    return statuses
