"""A client of the Socket.IO server: it speaks ASGI to it, so that no test needs a port."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import orjson

from delivery.server import Server
from tests.delivery.fake_site import FakeSite
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until

TOKEN = "12345"
PROXY = "10.0.0.1"  # by which each client comes
CONNECTED = re.compile(r'40/newsite,\{"sid":"[\w-]+"\}')


class Client:
    """A client on a websocket of its own."""

    def __init__(self, server: Server, query: str, headers: Mapping[str, str]) -> None:
        self.sid = ""  # of the transport
        self.opening: dict[str, Any] = {}
        self._incoming = asyncio.Queue[dict[str, Any]]()
        self._packets = asyncio.Queue[str | None]()
        self._is_waited_for = False  # the server has dealt with all that it took
        self._incoming.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": "/socket.io/",
            "client": (PROXY, 4711),
            "query_string": f"EIO=4&transport=websocket{query}".encode(),
            "headers": [
                (b"connection", b"Upgrade"),
                (b"upgrade", b"websocket"),
                *((name.lower().encode(), value.encode()) for name, value in headers.items()),
            ],
        }
        self._task = asyncio.create_task(server.handle(scope, self._give, self._take))

    async def open(self) -> "Client":
        packet = await self.read()
        assert packet is not None
        assert packet[0] == "0"
        self.opening = orjson.loads(packet[1:])
        self.sid = self.opening["sid"]
        return self

    def write(self, *packets: str) -> None:
        for packet in packets:
            self._incoming.put_nowait({"type": "websocket.receive", "text": packet})

    def write_bytes(self, data: bytes) -> None:
        self._incoming.put_nowait({"type": "websocket.receive", "bytes": data})

    async def read(self) -> str | None:
        """The next packet; None once the service has closed."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await self._packets.get()

    async def join(self, namespace: str = "/newsite", token: str = TOKEN) -> str:
        """Join the namespace; return the answer."""
        self.write(connect_packet(namespace, token))
        answer = await self.read()
        assert answer is not None
        return answer

    async def is_closed(self) -> bool:
        """Whether the service closes now, with nothing but its CLOSE packet before."""
        return [await self.read(), await self.read()] == ["1", None]

    async def settle(self) -> None:
        """Return once the server has taken all that was written."""
        await until(lambda: self._is_waited_for and self._incoming.empty())

    async def hang_up(self) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect"})
        await self._task

    async def _give(self) -> dict[str, Any]:
        self._is_waited_for = True
        event = await self._incoming.get()
        self._is_waited_for = False
        return event

    async def _take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "websocket.send":
                self._packets.put_nowait(event["text"])
            case "websocket.close":
                self._packets.put_nowait(None)
                self._incoming.put_nowait({"type": "websocket.disconnect"})


def connect_packet(namespace: str = "/newsite", token: str = TOKEN) -> str:
    return f"40{namespace}," + orjson.dumps({"token": token}).decode()


async def start_connecting(client: Client, fake_site: FakeSite) -> None:
    before = len(fake_site.requests)
    client.write(connect_packet())
    await until(lambda: len(fake_site.requests) > before)
