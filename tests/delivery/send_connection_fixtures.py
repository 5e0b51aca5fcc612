"""A sender at the other end of a connection, and the application that answers it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio

from delivery.heads import Heads
from delivery.http_connection import HttpConnection, runs_to_end
from delivery.send_connections import SendConnections
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until

HEAD = b"POST /send?site=newsite HTTP/1.1\r\nHost: x\r\n"
REQUEST = HEAD + b"Content-Length: 4\r\n\r\nbody"


@dataclass
class Sender:
    """The sender's end of one connection, and what the service did with its own."""

    connections: SendConnections
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: list[tuple[str, bytes]]
    handed_back: list[bytes]
    site: "Site"

    def its_connection(self) -> HttpConnection:
        [connection] = self.connections.state.connections
        assert isinstance(connection, HttpConnection)
        return connection

    async def read_answer(self) -> tuple[bytes, bytes]:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
            return head, await self.reader.readexactly(4 if b"200 OK" in head else 0)

    async def read_rest(self) -> bytes:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await self.reader.read()


@dataclass
class Site:
    """An application that answers with what it is told to wait for."""

    requests: list[tuple[str, bytes]] = field(default_factory=list)
    uncut: list[bool] = field(default_factory=list)  # of each request
    answered: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        self.requests.append((scope["path"], body))
        self.uncut.append(runs_to_end(scope))
        await self.released.wait()
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})
        self.answered += 1


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[Sender]:
    site, handed_back = Site(), list[bytes]()
    site.released.set()

    def hand_back(fd: int, data: bytes) -> None:
        handed_back.append(data)
        os.write(fd, b"from daphne")
        os.close(fd)

    connections = SendConnections(site, hand_back, Heads())
    theirs, own = socket.socketpair()
    connections.adopt(own, REQUEST)
    reader, writer = await asyncio.open_connection(sock=theirs)
    yield Sender(connections, reader, writer, site.requests, handed_back, site)
    writer.transport.abort()
    connections.close()
    await until(lambda: not connections.state.connections)
