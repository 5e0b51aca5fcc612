"""One Engine.IO connection, as the web server and the timers find it."""

import asyncio
from typing import Any

import pytest

from delivery.engine import PROBE, Engine, Socket
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS


class ProbingWebSocket:
    """python-engineio's end of a websocket on which nothing comes but the packets given."""

    def __init__(self, *packets: str) -> None:
        self._packets = list(packets)
        self.is_closed = False

    async def wait(self) -> str:
        if not self._packets:
            await asyncio.Event().wait()
        return self._packets.pop(0)

    async def send(self, packet: str) -> None: ...

    async def close(self) -> None:
        self.is_closed = True


def polling_socket(**options: Any) -> Socket:
    engine = Engine(async_mode="asgi", **options)
    socket = engine.sockets["sid"] = Socket(engine, "sid")
    socket.connected = True
    return socket


@pytest.mark.parametrize("packets", [(), (PROBE,)])
async def test_websocket_that_does_not_finish_its_probe_is_closed(packets: tuple[str]) -> None:
    socket, websocket = polling_socket(ping_timeout=0.01), ProbingWebSocket(*packets)
    socket.websocket = object()  # type: ignore[assignment]  # one that is not taken over
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await socket._websocket_handler(websocket)
    assert websocket.is_closed
    assert not socket.upgraded
