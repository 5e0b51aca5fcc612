"""The real Redis behind a door of the test's own: it can be shut, or let nothing through."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest_asyncio
from django.conf import settings

from delivery.tasks import Tasks
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS
from tests.e2e.waiting import until_taken

CHUNK_BYTES = 65_536


class RedisProxy:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "proxy.sock"
        self._target = urlsplit(settings.CACHES["queues"]["LOCATION"]).path
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._connections = Tasks()
        self._flows = asyncio.Event()
        self._flows.set()
        self.held = 0  # chunks that came while nothing is let through

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._take, self._path)

    async def shut(self) -> None:
        """Redis is gone: connections break, new ones are refused."""
        self._path.unlink(missing_ok=True)
        if self._server is not None:
            await until_taken()
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        # Also of those that were just being made: one to Redis would stay open behind the test.
        await self._connections.finish(TIMEOUT_SECONDS)

    def hang(self) -> None:
        """Redis takes connections and bytes, and does nothing."""
        self._flows.clear()
        self.held = 0

    def flow(self) -> None:
        self._flows.set()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self._connections.start(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target_reader, target_writer = await asyncio.open_unix_connection(self._target)
        self._writers.add(target_writer)
        await asyncio.gather(self._pump(reader, target_writer), self._pump(target_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                self.held += not self._flows.is_set()
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # aborted by `shut`
        finally:
            self._writers.discard(writer)
            writer.close()


@pytest_asyncio.fixture
async def redis_proxy() -> AsyncIterator[RedisProxy]:
    with tempfile.TemporaryDirectory() as folder:
        proxy = RedisProxy(Path(folder))
        await proxy.open()
        yield proxy
        proxy.flow()
        await proxy.shut()
