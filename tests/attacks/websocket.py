"""A websocket frame by frame, also such frames as no client library would write (RFC 6455)."""

import asyncio
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING = 0x0, 0x1, 0x2, 0x8, 0x9
FIN, RSV1, MASKED = 0x80, 0x40, 0x80
SHORT, MEDIUM = 126, 127  # lengths that say: it stands in the next 2, or 8, bytes
MAX_SHORT_BYTES, MAX_MEDIUM_BYTES = 125, 0xFFFF
READ_SECONDS = 10.0
HANDSHAKE_SECONDS = 40.0  # in a crowd, each waits for its turn
HEAD = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
)


class Refused(Exception):
    """The handshake was answered with another status than 101."""


@dataclass
class Socket:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    joining: str = ""  # what the namespace answered

    async def write(self, packet: str) -> None:
        await self.frame(packet.encode())

    async def frame(
        self, payload: bytes, kind: int = TEXT | FIN, *, is_masked: bool = True, length: int = -1
    ) -> None:
        """Write a frame; `length` is what it claims to have."""
        self.writer.write(frame(payload, kind, is_masked=is_masked, length=length))
        await self.writer.drain()

    async def join(self, site: str, **auth: object) -> str:
        """Ask to join a namespace; return the answer."""
        await self.write(f"40/{site},{json.dumps(auth)}")
        return await self.read()

    async def read(self) -> str:
        """Return the next packet, or `closed 1009`, `closed`, `no answer`; pings are answered."""
        while True:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    kind, payload = await self._read_frame()
            except TimeoutError:
                return "no answer"
            except (asyncio.IncompleteReadError, ConnectionError):
                return "closed"
            if kind == CLOSE:
                return f"closed {int.from_bytes(payload[:2])}" if payload else "closed"
            if payload != b"2" and kind == TEXT:
                return payload.decode()
            if payload == b"2":
                await self.write("3")

    async def read_to_end(self) -> str:
        """Return how it was closed, or `no answer` while it is not."""
        while True:
            packet = await self.read()
            if packet.startswith(("closed", "no answer")):
                return packet

    async def is_alive(self) -> bool:
        """Whether the service still answers on it."""
        return (await self.join("no-such-site")).startswith("44/no-such-site")

    async def _read_frame(self) -> tuple[int, bytes]:
        first, length = await self.reader.readexactly(2)
        if length == SHORT:
            length = int.from_bytes(await self.reader.readexactly(2))
        elif length == MEDIUM:
            length = int.from_bytes(await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(length)


async def shake_hands(socket: Socket, path: str, headers: Mapping[str, str]) -> None:
    """Raises Refused."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    socket.writer.write(HEAD.format(path=path, headers=lines).encode())
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            head = await socket.reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise Refused("closed") from error
    status = head.split()[1].decode()
    if status != "101":
        raise Refused(status)


def frame(
    payload: bytes, kind: int = TEXT | FIN, *, is_masked: bool = True, length: int = -1
) -> bytes:
    claimed = len(payload) if length < 0 else length
    bit = MASKED if is_masked else 0
    if claimed <= MAX_SHORT_BYTES:
        head = struct.pack("!BB", kind, bit | claimed)
    elif claimed <= MAX_MEDIUM_BYTES:
        head = struct.pack("!BBH", kind, bit | SHORT, claimed)
    else:
        head = struct.pack("!BBQ", kind, bit | MEDIUM, claimed)
    return head + (masked(payload) if is_masked else payload)


def masked(payload: bytes) -> bytes:
    mask = os.urandom(4)
    key = int.from_bytes((mask * (len(payload) // 4 + 1))[: len(payload)])
    return mask + (int.from_bytes(payload) ^ key).to_bytes(len(payload))
