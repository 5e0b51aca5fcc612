"""A websocket that begins a session in the ordinary way: as the library's, in fewer steps."""

import asyncio
from typing import Any

import orjson
import pytest

from delivery.connection_limits import ConnectionLimits
from delivery.engine import Engine
from delivery.openings import is_plain_opening
from delivery.transports import WEBSOCKET, Listener
from tests.delivery.server_fixtures import Gateway, MakeGateway
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until

QUERY = b"EIO=4&transport=websocket"


class WebSocket:
    """A web server's, which keeps what is written to it."""

    def __init__(self, *, can_greet: bool = True) -> None:
        self.can_greet = can_greet
        self.frames: list[bytes] = []
        self.listener: Listener | None = None

    def greet(self, frame: bytes) -> None:
        self.frames.append(frame)

    def write(self, frame: bytes) -> bool:
        self.frames.append(frame)
        return True

    async def take_over(self, listener: Listener) -> None:
        self.listener = listener


class Handshake:
    """One that a server is asked to handle."""

    def __init__(
        self, query: bytes = QUERY, origin: bytes = b"", websocket: WebSocket | None = None
    ) -> None:
        self.websocket = websocket or WebSocket()
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "path": "/socket.io/",
            "client": ("192.0.2.1", 4711),
            "query_string": query,
            "headers": [
                *([(b"origin", origin)] if origin else []),
                (b"connection", b"Upgrade"),
                (b"upgrade", b"websocket"),
            ],
            "extensions": {WEBSOCKET: self.websocket},
        }
        self.events: list[dict[str, Any]] = []
        self.is_looked_at = False

    async def receive(self) -> dict[str, Any]:
        self.is_looked_at = True
        return {"type": "websocket.connect"}

    async def send(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    async def handled_by(self, gateway: Gateway) -> "Handshake":
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await gateway.server.handle(self.scope, self.receive, self.send)
        return self

    @property
    def opening(self) -> dict[str, Any]:
        """What the client is told first."""
        [frame] = self.websocket.frames
        text = frame[frame.index(b"0{") :]
        assert frame[1] == len(text)
        told: dict[str, Any] = orjson.loads(text[1:])
        return told


async def test_client_is_told_the_same_as_by_the_library(gateway: Gateway) -> None:
    one = await Handshake().handled_by(gateway)
    other = await Handshake(websocket=WebSocket(can_greet=False)).handled_by(gateway)
    assert one.events == other.events == [{"type": "websocket.accept"}]
    assert one.opening | {"sid": ""} == other.opening | {"sid": ""}


async def test_session_is_a_whole_one(gateway: Gateway) -> None:
    handshake = await Handshake(QUERY + b"&token=12345", b"https://a.com").handled_by(gateway)
    sid = handshake.opening["sid"]
    assert gateway.server.transports() == [sid]
    kept = {"QUERY_STRING": "EIO=4&transport=websocket&token=12345"}
    assert gateway.server.environ[sid] == kept | {"HTTP_ORIGIN": "https://a.com"}
    assert handshake.websocket.listener is gateway.server.eio.sockets[sid]
    handshake.websocket.listener.end()
    await until(lambda: not gateway.leftovers)


async def test_one_who_comes_in_the_same_moment_as_the_last_is_refused(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = make_gateway(limits=ConnectionLimits(connections_per_address=1))
    first = await Handshake().handled_by(gateway)
    monkeypatch.setattr(gateway.server._entrance, "seconds_closed", lambda scope: 0.0)
    second = await Handshake().handled_by(gateway)
    assert [event["type"] for event in second.events] == ["websocket.close"]
    assert gateway.server.transports() == [first.opening["sid"]]
    assert list(gateway.server.eio.sockets) == [first.opening["sid"]]


@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"EIO=4",
        b"EIO=3&transport=websocket",
        b"EIO=4&transport=polling",
        b"EIO=4&transport=websocket&j=0",
        b"EIO=4&transport=websocket&sid=bK3x",
        b"EIO=4&transport=websocket&EIO=3",
        b"EIO=4&transport=websocket&t%6Fken=1",
        b"EIO=4&transport=websocket&token=\xff",
        b"EIO=4&transport=websocket\n",
    ],
)
def test_other_queries_are_no_plain_openings(query: bytes) -> None:
    assert not is_plain_opening(query)


@pytest.mark.parametrize(
    ("handshake", "options"),
    [
        (Handshake(b"EIO=4&transport=websocket&j=0"), {}),
        (Handshake(websocket=WebSocket(can_greet=False)), {}),
        (Handshake(), {"transports": ["polling"]}),
        (Handshake(origin=b"https://a.com"), {"cors_allowed_origins": ["https://a.com"]}),
        (Handshake(origin=b"https://of-no-site.com"), {"cors_allowed_origins": "*"}),
    ],
)
async def test_what_may_be_refused_is_for_the_library(
    handshake: Handshake, options: dict[str, Any]
) -> None:
    engine = Engine(async_mode="asgi", **options)
    engine.admits_origin = lambda origin: "of-no-site" not in origin
    assert not await engine.open_websocket(handshake.scope, handshake.receive, handshake.send)
    assert not handshake.is_looked_at
    assert not engine.sockets
