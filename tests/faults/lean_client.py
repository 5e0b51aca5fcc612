"""A Socket.IO client over a raw websocket: so little work that thousands fit into one process.

It behaves as a stock client does: it answers pings, acks what asks for it, and comes back by
itself, later each time, when its connection is closed.
"""

import asyncio
import random
import socket
import ssl
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, CLOSE = 0x1, 0x8
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, JITTER = 1.0, 5.0, 0.5  # socket.io-client's own


@dataclass
class Heard:
    """What came to one client: messages `["m", number, ...]`, numbered without a gap."""

    highest: int = 0
    last: int = 0  # of this connection
    messages: int = 0
    resyncs: int = 0
    problems: list[str] = field(default_factory=list)
    may_skip: bool = False  # it was told to reload

    def take_event(self, name: str, *args: Any) -> None:
        match name:
            case "m":
                self._take_number(args[0])
            case "batch":
                for each in args[0]:
                    self.take_event(*each)
            case "resync":
                self.resyncs += 1
                self.may_skip = True

    def _take_number(self, number: int) -> None:
        self.messages += 1
        if number <= self.last:
            self.problems.append(f"{number} after {self.last}")
        if number > self.highest + 1 and self.highest and not self.may_skip:
            self.problems.append(f"{number} when {self.highest + 1} was due")
        self.last, self.highest = number, max(self.highest, number)
        self.may_skip = False


class LeanClient(asyncio.Protocol):
    """One client, over all its connections."""

    def __init__(
        self,
        port: int,
        site: str,
        token: str,
        *,
        receive_bytes: int = 0,
        reads: bool = True,
        pause_seconds: float = 0.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.is_joined = False
        self.joins = 0
        self.heard = Heard()
        self.outcomes: Counter[str] = Counter()
        self.longest_absence_seconds = 0.0  # from when it lost a connection until it joined again
        self.reads = reads  # what comes after it has joined,
        self._pause_seconds = pause_seconds  # with so long between two times
        self._port, self._site, self._token = port, site, token
        self._receive_bytes = receive_bytes
        self._tls = tls
        self._failures = 0
        self._left_at: float | None = None
        self._is_open = False  # the websocket
        self._is_stopped = False
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None

    def open(self, pause_seconds: float = 0.0) -> None:
        if not self._is_stopped:
            self._connecting = asyncio.create_task(self._open(pause_seconds))

    def cut(self) -> None:
        """Be gone without a word, and come back at once."""
        if self._transport is not None:
            self._failures = -1
            self._transport.abort()

    def stop(self) -> None:
        self._is_stopped = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._transport is not None:
            self._transport.abort()

    def forget_absences(self) -> None:
        self.longest_absence_seconds = 0.0

    def resume(self) -> None:
        self.reads = True
        self._read_on()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.outcomes[head[:12].decode()] += 1
                self.close()
                return
            self._buffer, self._is_open = rest, True
        while (frame := self._take_frame()) is not None:
            self._take(*frame)
        if self._pause_seconds and self.is_joined and self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(self._pause_seconds, self._read_on)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self.is_joined:
            self._left_at = asyncio.get_running_loop().time()
        self.is_joined = self._is_open = False
        self._buffer.clear()
        self.heard.last = 0
        self._failures += 1
        self.open(_pause(self._failures))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _read_on(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    async def _open(self, pause_seconds: float) -> None:
        await asyncio.sleep(pause_seconds)
        loop = asyncio.get_running_loop()
        sock = socket.socket()
        sock.setblocking(False)
        if self._receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_bytes)
        try:
            await loop.sock_connect(sock, ("127.0.0.1", self._port))
            name = "127.0.0.1" if self._tls else None
            await loop.create_connection(
                lambda: self, sock=sock, ssl=self._tls, server_hostname=name
            )
        except OSError as error:
            sock.close()
            self.outcomes[type(error).__name__] += 1
            self._failures += 1
            self.open(_pause(self._failures))

    def _take_frame(self) -> tuple[int, bytes] | None:
        """The next frame, which servers never mask nor, here, split."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1], 2
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(buffer) < start:
                return None
            length = int.from_bytes(buffer[2:start])
        if len(buffer) < start + length:
            return None
        opcode, payload = buffer[0] & 0xF, bytes(buffer[start : start + length])
        del buffer[: start + length]
        return opcode, payload

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self.outcomes[f"closed {int.from_bytes(payload[:2])}"] += 1
            self.close()
        elif payload == b"2":
            self._write(b"3")
        elif payload == b"1":
            self.close()
        elif payload.startswith(b"0"):
            auth = orjson.dumps({"token": self._token})
            self._write(b"40/" + self._site.encode() + b"," + auth)
        elif payload.startswith(b"40"):
            self._joined()
        elif payload.startswith(b"42"):
            self._take_event(payload)
        elif payload.startswith((b"41", b"44")):
            self.outcomes["refused"] += 1
            self.close()

    def _joined(self) -> None:
        self.is_joined = True
        self.joins += 1
        self._failures = 0
        if self._left_at is not None:
            absence_seconds = asyncio.get_running_loop().time() - self._left_at
            self.longest_absence_seconds = max(self.longest_absence_seconds, absence_seconds)
            self._left_at = None
        if not self.reads and self._transport is not None:
            self._transport.pause_reading()

    def _take_event(self, payload: bytes) -> None:
        head, _, rest = payload.partition(b"[")
        ack_id = head.partition(b",")[2]
        self.heard.take_event(*orjson.loads(b"[" + rest))
        if ack_id:
            self._write(b"43/" + self._site.encode() + b"," + ack_id + b"[]")

    def _write(self, payload: bytes) -> None:
        """Clients mask what they send; a mask of zeros changes nothing."""
        if self._transport is None:
            return
        size = len(payload)
        if size < 126:
            head = bytes((0x80 | TEXT, 0x80 | size))
        else:
            head = bytes((0x80 | TEXT, 0x80 | 126)) + size.to_bytes(2)
        self._transport.write(head + bytes(4) + payload)


def _pause(failures: int) -> float:
    """Seconds until a client comes back; none if it was cut."""
    if failures <= 0:
        return 0.0
    pause: float = min(FIRST_PAUSE_SECONDS * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS)
    return pause * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
