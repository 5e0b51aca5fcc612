"""The floor: the least that one process in Python does for the same work.

No framework, no log line, no check beyond the key: asyncio's transports, httptools, orjson
and hiredis, all of them C but for the transports, joined by callbacks without a task or a
future of its own for a message. It stores in a Redis list before it answers, publishes, writes
to the websocket and removes on ack, as `peer.js` does; whose a token is it asks authUrl, and
reads what waits for them. What the service needs beyond it is what Django, Channels and the
service's promises cost; what it needs itself, nothing written in Python gets below.

Run by `make bench BENCH="--floor --only durable send batch connect"`.
"""

import asyncio
import base64
import hashlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httptools
import orjson

from tests.bench.floor_backends import Authority, RedisConnection, Reply
from tests.bench.servers import KEY, SITE

EXPIRE_SECONDS = b"3600"
USER_ROOM_PREFIX = "user_"
WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
OPEN_PACKET = (
    b'0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
)
CONNECTED_PACKET = f'40/{SITE},{{"sid":"s"}}'.encode()
EVENT, ACK = f"42/{SITE},".encode(), f"43/{SITE},".encode()
MASKED = 0x80


class Floor:
    """What all connections share."""

    def __init__(self, redis: RedisConnection, authority: Authority) -> None:
        self.redis = redis
        self.authority = authority
        self.ids = itertools.count(time.time_ns() // 1000)
        self.sockets: dict[str, set[Connection]] = {}

    def store(self, rooms: list[str], item: bytes, then: Reply) -> None:
        for room in rooms:
            queue = b"queue:" + room.encode()
            self.redis.call((b"RPUSH", queue, item))
            self.redis.call((b"EXPIRE", queue, EXPIRE_SECONDS), then)

    def deliver(self, room: str, text: bytes, item: bytes) -> None:
        for socket in self.sockets.get(room, ()):
            socket.emit(room, text, item)


class Connection(asyncio.Protocol):
    """HTTP until it is upgraded, then a websocket that carries one namespace."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.parser = httptools.HttpRequestParser(self)
        self.is_websocket = False
        self.rest = b""
        self.acks: dict[bytes, tuple[str, bytes]] = {}
        self.ack_ids = itertools.count(1)
        self.rooms: list[str] = []
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        for room in self.rooms:
            self.floor.sockets[room].discard(self)

    def data_received(self, data: bytes) -> None:
        if self.is_websocket:
            self._read_frames(self.rest + data if self.rest else data)
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._accept()

    # --- HTTP

    def on_message_begin(self) -> None:
        self.url, self.body, self.key = b"", b"", b""

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name == b"Sec-WebSocket-Key":
            self.key = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if self.key:
            return
        query = parse_qs(urlsplit(self.url.decode()).query)
        if (query.get("site"), query.get("apiKey")) != ([SITE], [KEY]):
            self._answer(401, {"ok": False})
            return
        content = orjson.loads(self.body)
        if isinstance(content, list):
            self._send_all(content)
        else:
            self._send_all([content], is_single=True)

    def _send_all(self, messages: list[dict[str, Any]], *, is_single: bool = False) -> None:
        answers = [{"ok": True, "id": str(next(self.floor.ids))} for _ in messages]
        left = len(messages)

        def stored() -> None:
            nonlocal left
            left -= 1
            if not left:
                self._answer(200, answers[0] if is_single else answers)

        for message, answer in zip(messages, answers, strict=True):
            self._send(message, str(answer["id"]), stored)

    def _send(self, message: dict[str, Any], id_: str, stored: Callable[[], None]) -> None:
        rooms = message["rooms"]
        text = orjson.dumps([message["event"], *message["args"]])
        item = id_.encode() + b":" + text
        own = [room for room in rooms if room.startswith(USER_ROOM_PREFIX)]

        def deliver(_: Any) -> None:
            self.floor.redis.call((b"PUBLISH", b"announced", item))
            for room in rooms:
                self.floor.deliver(room, text, item)
            stored()

        if own:
            self.floor.store(own, item, deliver)
        else:
            deliver(None)

    def _answer(self, status: int, content: object) -> None:
        body = orjson.dumps(content)
        head = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self.transport.write(head % (status, len(body)) + body)

    # --- websocket

    def _accept(self) -> None:
        self.is_websocket = True
        accept = base64.b64encode(hashlib.sha1(self.key + WEBSOCKET_GUID).digest())  # noqa: S324, RFC 6455
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + frame(OPEN_PACKET)
        )

    def emit(self, room: str, text: bytes, item: bytes) -> None:
        number = b""
        if room.startswith(USER_ROOM_PREFIX):
            number = b"%d" % next(self.ack_ids)
            self.acks[number] = (room, item)
        self.transport.write(frame(EVENT + number + text))

    def _read_frames(self, data: bytes) -> None:
        """The load's frames are masked with 0 and shorter than 126 bytes."""
        start = 0
        while len(data) - start >= 6 and len(data) - start >= 6 + (data[start + 1] & ~MASKED):
            end = start + 6 + (data[start + 1] & ~MASKED)
            self._read_packet(data[start + 6 : end])
            start = end
        self.rest = data[start:]

    def _read_packet(self, packet: bytes) -> None:
        if packet.startswith(ACK):
            room, item = self.acks.pop(packet[len(ACK) : -2])
            self.floor.redis.call((b"LREM", b"queue:" + room.encode(), b"1", item))
        elif packet.startswith(b"40"):
            token = orjson.loads(packet[packet.index(b",") + 1 :])["token"]
            self.floor.authority.ask(token, self._join)

    def _join(self, rooms: list[str]) -> None:
        self.rooms = rooms
        for room in rooms:
            self.floor.sockets.setdefault(room, set()).add(self)
            if room.startswith(USER_ROOM_PREFIX):
                self.floor.redis.call((b"LRANGE", b"queue:" + room.encode(), b"0", b"-1"))
        self.transport.write(frame(CONNECTED_PACKET))


def frame(payload: bytes) -> bytes:
    """One text frame of a server (RFC 6455, 5.2); none here is longer than 65,535 bytes."""
    if len(payload) < 126:
        return b"\x81" + bytes((len(payload),)) + payload
    return b"\x81\x7e" + len(payload).to_bytes(2) + payload


async def main() -> None:
    loop = asyncio.get_running_loop()
    redis_port = int(urlsplit(os.environ["REDIS_URL"]).port or 6379)
    _, redis = await loop.create_connection(RedisConnection, "127.0.0.1", redis_port)
    authority = Authority(os.environ["AUTH_URL"])
    await authority.connect()
    floor = Floor(redis, authority)
    server = await loop.create_server(lambda: Connection(floor), "127.0.0.1", 0, backlog=8192)
    sys.stdout.write(f"Listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
