"""Engine.IO over a websocket without a client library: what really stands on the wire."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.e2e.service import Service
from tests.e2e.waiting import WAIT_SECONDS

ENDPOINT = "/socket.io/?EIO=4&transport=websocket"
PING, PONG = "2", "3"
CLOSING = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)


@dataclass
class RawSocket:
    websocket: ClientWebSocketResponse

    async def write(self, packet: str) -> None:
        await self.websocket.send_str(packet)

    async def join(self, site: str, token: str) -> None:
        """Join the namespace; the answer is read."""
        await self.write(f"40/{site},{json.dumps({'token': token})}")
        answer = await self.read()
        assert answer is not None
        assert answer.startswith(f"40/{site},"), answer

    async def read(self, seconds: float = WAIT_SECONDS) -> str | None:
        """The next packet, pings answered and left out; None once the service has closed."""
        while True:
            message = await self.websocket.receive(timeout=seconds)
            if message.type in CLOSING:
                return None
            if message.data != PING:
                return str(message.data)
            await self.write(PONG)


@asynccontextmanager
async def raw_socket(service: Service) -> AsyncIterator[RawSocket]:
    """An open Engine.IO connection that has joined nothing yet."""
    async with service.http.ws_connect(ENDPOINT) as websocket:
        socket = RawSocket(websocket)
        opening = await socket.read()
        assert opening is not None
        assert opening.startswith("0{"), opening
        yield socket
