"""The service as an attacker sees it: a port, and sites that are or are not the attacker's own."""

import asyncio
import itertools
import json
import random
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.attacks.websocket import Refused, Socket, shake_hands

ANSWER_SECONDS = 10.0
DRIP_SECONDS = 0.5
HOST = "127.0.0.1"
OWN, CALM, LIMITED, HUNG = "own", "calm", "limited", "hung"  # sites
KEY = "a-key-that-is-only-for-attacks"
POLLING = "/socket.io/?EIO=4&transport=polling"
SID = re.compile(rb'"sid":"([^"]+)"')
NO_ANSWER, CLOSED = "no answer", "closed"
STATUS_LINE_WORDS = 2
SECRET = random.SystemRandom()


@dataclass
class Target:
    port: int
    seconds: float  # how long the attack may last
    numbers: Iterator[int] = field(default_factory=itertools.count)
    ends_at: float = 0.0

    def begin(self) -> None:
        self.ends_at = asyncio.get_running_loop().time() + self.seconds

    @property
    def is_over(self) -> bool:
        return asyncio.get_running_loop().time() >= self.ends_at

    async def rounds(self) -> AsyncIterator[None]:
        """Go on until the time is over, once at least, with a turn for others in between."""
        yield
        while not self.is_over:
            await asyncio.sleep(0)
            yield

    async def rest(self) -> None:
        """Hold what is held until the time is over."""
        await asyncio.sleep(max(0.0, self.ends_at - asyncio.get_running_loop().time()))

    def address(self) -> str:
        """One of many, as a trusted proxy tells of it."""
        return f"198.{18 + SECRET.randrange(2)}.{SECRET.randrange(256)}.{SECRET.randrange(1, 255)}"

    # --- HTTP

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def ask(self, raw: bytes) -> str:
        """Send these bytes; return the status of the first answer."""
        async with self.connected() as (reader, writer):
            writer.write(raw)
            return await read_status(reader)

    async def fetch(self, raw: bytes) -> tuple[str, bytes, bytes]:
        """Return the status, the head and the body of an answer that ends the connection."""
        async with self.connected() as (reader, writer):
            writer.write(raw)
            async with asyncio.timeout(ANSWER_SECONDS):
                text = await reader.read(-1)
        head, _, body = text.partition(b"\r\n\r\n")
        return status_of(head), head, body

    async def flood(self, head: bytes, part: bytes, most_bytes: int) -> str:
        """Send `part` again and again until there is an answer, at most so many bytes."""
        async with self.connected() as (reader, writer):
            writer.write(head)
            answer = asyncio.ensure_future(read_status(reader))
            sent = 0
            with suppress(ConnectionError):
                while not answer.done() and sent < most_bytes:
                    writer.write(part)
                    sent += len(part)
                    await writer.drain()
                    await asyncio.sleep(0)
            return f"took {sent >> 20} MiB" if sent >= most_bytes else await answer

    async def drip(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, part: bytes
    ) -> str:
        """Write `part` once in a while until the time is over; "held" = nobody minded."""
        answer = asyncio.ensure_future(read_status(reader, self.seconds + ANSWER_SECONDS))
        try:
            while not self.is_over and not answer.done():
                writer.write(part)
                await asyncio.wait([answer], timeout=DRIP_SECONDS)
            return await answer if answer.done() else "held"
        finally:
            answer.cancel()

    # --- sites' backends

    async def send(self, message: Any, site: str = OWN, path: str = "/send") -> str:
        return await self.post(f"{path}?site={site}", json.dumps(message).encode())

    async def post(
        self,
        path: str,
        body: bytes,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> str:
        own = {"Content-Type": kind, "X-Api-Key": KEY} | dict(headers or {})
        return await self.ask(request("POST", path, own, body))

    # --- Socket.IO

    @asynccontextmanager
    async def websocket(
        self, *, query: str = "", headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Socket]:
        """An open websocket; with no `sid` in the query, its opening packet is read."""
        own = {"X-Forwarded-For": self.address()} | dict(headers or {})
        async with self.connected() as (reader, writer):
            socket = Socket(reader, writer)
            await shake_hands(socket, f"/socket.io/?EIO=4&transport=websocket{query}", own)
            if "sid=" not in query:
                await socket.read()
            yield socket

    @asynccontextmanager
    async def joined(
        self, rooms: str, site: str = OWN, **credentials: str
    ) -> AsyncIterator[Socket]:
        """A websocket in the namespace; the site answers each token with the rooms in it."""
        async with self.websocket() as socket:
            socket.joining = await socket.join(site, token=rooms, **credentials)
            yield socket

    async def open_by_polling(self) -> str:
        """Return the sid of a new session."""
        headers = {"X-Forwarded-For": self.address()}
        status, _, body = await self.fetch(request("GET", POLLING, headers))
        found = SID.search(body)
        if found is None:
            raise Refused(status)
        return found[1].decode()

    async def post_packets(self, sid: str, body: bytes) -> str:
        return await self.ask(request("POST", f"{POLLING}&sid={sid}", {}, body))


def request(
    method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> bytes:
    """A whole request, on a connection of its own."""
    own = {"Host": HOST, "Connection": "close", **(headers or {})}
    if body or method == "POST":
        own["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in own.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def read_status(reader: asyncio.StreamReader, seconds: float = ANSWER_SECONDS) -> str:
    try:
        async with asyncio.timeout(seconds):
            return status_of(await reader.readline())
    except TimeoutError:
        return NO_ANSWER
    except ConnectionError:
        return CLOSED


def status_of(head: bytes) -> str:
    words = head.split(None, STATUS_LINE_WORDS)
    return words[1].decode("latin-1") if len(words) >= STATUS_LINE_WORDS else CLOSED
