"""Whom the floor asks: Redis, and authUrl over connections that are kept."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import hiredis
import httptools
import orjson

AUTH_CONNECTIONS = 100  # as many as the peer's

Reply = Callable[[Any], None]


class RedisConnection(asyncio.Protocol):
    """Commands of one turn of the loop go out in one write."""

    def __init__(self) -> None:
        self.reader = hiredis.Reader()
        self.replies: deque[Reply | None] = deque()
        self.commands: list[bytes] = []
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def call(self, command: tuple[bytes, ...], reply: Reply | None = None) -> None:
        if not self.commands:
            asyncio.get_running_loop().call_soon(self._flush)
        self.commands.append(hiredis.pack_command(command))  # type: ignore[arg-type]
        self.replies.append(reply)

    def _flush(self) -> None:
        self.transport.write(b"".join(self.commands))
        self.commands.clear()

    def data_received(self, data: bytes) -> None:
        self.reader.feed(data)
        while (value := self.reader.gets()) is not False:
            reply = self.replies.popleft()
            if reply is not None:
                reply(value)


class AuthConnection(asyncio.Protocol):
    """One question to authUrl at a time."""

    def __init__(self, authority: "Authority") -> None:
        self.authority = authority
        self.transport: asyncio.Transport
        self.reply: Reply
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.authority.take_back(self)

    def ask(self, token: str, reply: Reply) -> None:
        self.parser, self.body, self.reply = httptools.HttpResponseParser(self), b"", reply
        self.transport.write(self.authority.question % token.encode())

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        rooms = orjson.loads(self.body) if self.parser.get_status_code() == 200 else []
        self.authority.take_back(self)
        self.reply(rooms)


class Authority:
    """authUrl, and the connections to it."""

    def __init__(self, url: str) -> None:
        self.host, self.path = urlsplit(url).netloc, urlsplit(url).path
        head = f"GET {self.path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer "
        self.question = head.encode() + b"%s\r\n\r\n"
        self.free: list[AuthConnection] = []
        self.waiting: deque[tuple[str, Reply]] = deque()

    async def connect(self) -> None:
        host, _, port = self.host.partition(":")
        loop = asyncio.get_running_loop()
        for _ in range(AUTH_CONNECTIONS):
            await loop.create_connection(lambda: AuthConnection(self), host, int(port))

    def ask(self, token: str, reply: Reply) -> None:
        if self.free:
            self.free.pop().ask(token, reply)
        else:
            self.waiting.append((token, reply))

    def take_back(self, connection: AuthConnection) -> None:
        if self.waiting:
            connection.ask(*self.waiting.popleft())
        else:
            self.free.append(connection)
