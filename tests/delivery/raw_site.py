"""A site's web server that writes what the test says, byte for byte."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest_asyncio

from delivery.site_client import SiteClient
from delivery.site_connection import Answer
from sites.networks import DenyList
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS
from tests.e2e.waiting import until_taken

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
OK_BEFORE_THE_END = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]"
HUNG = b"hung"  # nothing is written, and the connection stays
CLOSED = b""  # without an answer


@dataclass
class RawSite:
    """Writes `replies`, one for each request, the last one again and again; in pieces if told."""

    replies: list[bytes] = field(default_factory=lambda: [OK])
    piece_bytes: int = 1_000_000
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)  # one for each connection
    closed: list[asyncio.StreamWriter] = field(default_factory=list)  # by the caller

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/rooms"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed.append(writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        _, is_long, length = head.lower().partition(b"content-length: ")
        self.bodies.append(await reader.readexactly(int(length.split()[0]) if is_long else 0))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply == CLOSED:
            writer.close()
        elif reply != HUNG:
            for start in range(0, len(reply), self.piece_bytes):
                writer.write(reply[start : start + self.piece_bytes])
                await asyncio.sleep(0)


@pytest_asyncio.fixture
async def raw_site() -> AsyncIterator[RawSite]:
    site = RawSite()
    async with await asyncio.start_server(site.serve, "127.0.0.1") as server:
        site.port = server.sockets[0].getsockname()[1]
        yield site
        for writer in site.writers:
            writer.close()
        await until_taken()


@pytest_asyncio.fixture
async def caller() -> AsyncIterator[SiteClient]:
    caller = SiteClient(DenyList(), TIMEOUT_SECONDS)
    yield caller
    caller.close()
    await until_taken()


async def get(caller: SiteClient, site: RawSite, *replies: bytes) -> Answer:
    site.replies = list(replies) or site.replies
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await caller.get(site.url, {})
