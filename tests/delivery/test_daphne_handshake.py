"""The handshake of an ordinary websocket: as daphne's own, whose way all others go."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from daphne.ws_protocol import WebSocketFactory
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from delivery.daphne_handshake import read_handshake
from delivery.daphne_websocket import FlowControlledWebSocket
from delivery.idle_websocket import OF_HANDSHAKE
from delivery.turnstile import Turnstile

LINE = "GET /socket.io/?EIO=4&transport=websocket&token=a%20b HTTP/1.1"
HEADERS = {
    "Host": "push.example.com:8000",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
OF_BROWSERS = {
    "Connection": "keep-alive, Upgrade",
    "Origin": "https://example.com",
    "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    "User-Agent": "Mozilla/5.0 (\xe9)",
    "Cookie": "a=1",
}
MAX_BYTES = 4_096
HELLO = bytes.fromhex("818537fa213d7f9f4d5158")  # a frame of RFC 6455


class Server:
    """The part of daphne's that a handshake needs."""

    root_path = ""
    proxy_forwarded_address_header = None

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []

    def create_application(self, protocol: object, scope: dict[str, Any]) -> "asyncio.Queue[Any]":
        self.scopes.append(scope)
        return asyncio.Queue()

    def protocol_connected(self, protocol: object) -> None: ...

    def protocol_disconnected(self, protocol: object) -> None: ...

    def log_action(self, *_: object) -> None: ...


def request(line: str = LINE, **changes: str | None) -> bytes:
    """A handshake with these headers, `_` for `-`, in place of its own; None = without it."""
    changed = {name.replace("_", "-").lower(): value for name, value in changes.items()}
    headers = [(name, changed.pop(name.lower(), value)) for name, value in HEADERS.items()]
    headers += changed.items()
    lines = [f"{name}: {value}" for name, value in headers if value is not None]
    return "\r\n".join([line, *lines, "", ""]).encode("latin-1")


def browser_request() -> bytes:
    return request(**{name.replace("-", "_"): value for name, value in OF_BROWSERS.items()})


class Opened:
    def __init__(self) -> None:
        self.server = Server()
        factory = WebSocketFactory(self.server, server="sioweb")
        factory.turnstile = Turnstile()
        factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0)
        self.websocket: Any = FlowControlledWebSocket.configured(factory)()
        self.websocket.factory = factory
        self.transport = StringTransport(peerAddress=IPv4Address("TCP", "192.168.0.1", 54321))
        # What `write` reaches for in Twisted's own.
        self.transport.dataBuffer = self.transport._tempDataBuffer = b""
        self.transport.socket = SimpleNamespace(send=self._write)

    def directly(self, data: bytes) -> "Opened":
        handshake = read_handshake(data, MAX_BYTES)
        assert handshake is not None
        self.websocket.begin(self.transport, handshake)
        return self

    def by_autobahn(self, data: bytes) -> "Opened":
        self.websocket._raw_query_string = data.split()[1].partition(b"?")[2]
        self.websocket.makeConnection(self.transport)
        self.websocket.dataReceived(data)
        return self

    def _write(self, data: bytes) -> int:
        self.transport.write(data)
        return len(data)

    @property
    def written(self) -> bytes:
        written: bytes = self.transport.value()
        return written


@pytest.mark.parametrize("data", [request(), browser_request()])
async def test_application_is_told_the_same_and_so_is_the_client(data: bytes) -> None:
    one, other = Opened().directly(data), Opened().by_autobahn(data)
    for scope in *one.server.scopes, *other.server.scopes:
        scope["headers"].sort()
    assert one.server.scopes == other.server.scopes
    assert one.websocket.application_queue.get_nowait() == {"type": "websocket.connect"}
    assert one.written == b""
    for each in one, other:
        each.websocket.serverAccept()
        assert each.websocket.state == each.websocket.STATE_OPEN
    assert one.written == other.written


async def test_it_has_what_autobahn_and_daphne_look_at_later() -> None:
    one, other = Opened().directly(request()), Opened().by_autobahn(request())
    for each in one, other:
        each.websocket.serverAccept()
    missing = {name for name in vars(other.websocket) if not hasattr(one.websocket, name)}
    assert missing <= OF_HANDSHAKE


async def test_what_it_greets_with_is_written_with_the_answer() -> None:
    plain, one = Opened().directly(request()), Opened().directly(request())
    assert one.websocket.can_greet
    one.websocket.greet(b"frame")
    for each in plain, one:
        each.websocket.serverAccept()
    assert one.written == plain.written + b"frame"
    assert not one.websocket.can_greet


async def test_handshake_that_autobahn_read_greets_with_nothing() -> None:
    other = Opened().by_autobahn(request())
    assert not other.websocket.can_greet
    other.websocket.serverAccept()
    assert not other.websocket.can_greet


async def test_application_that_refuses_is_answered_with_403() -> None:
    one, other = Opened().directly(request()), Opened().by_autobahn(request())
    for each in one, other:
        each.websocket.serverReject()
    assert one.written.startswith(b"HTTP/1.1 403 ")
    assert one.written == other.written
    assert one.transport.disconnecting


async def test_application_that_fails_is_answered_with_500() -> None:
    one = Opened().directly(request())
    one.websocket.handle_exception(ValueError())
    assert one.written.startswith(b"HTTP/1.1 500 ")


async def test_message_is_read_by_autobahn_once_it_is_open() -> None:
    one = Opened().directly(request())
    one.websocket.serverAccept()
    one.websocket.application_queue.get_nowait()
    one.websocket.dataReceived(HELLO)
    event = one.websocket.application_queue.get_nowait()
    assert event == {"type": "websocket.receive", "text": "Hello"}


async def test_what_comes_before_the_answer_is_read_behind_it() -> None:
    one = Opened().directly(request())
    one.websocket.application_queue.get_nowait()
    one.websocket.dataReceived(HELLO)
    assert one.websocket.application_queue.empty()
    one.websocket.serverAccept()
    event = one.websocket.application_queue.get_nowait()
    assert event == {"type": "websocket.receive", "text": "Hello"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        request()[:-1],
        request() + b"\x81\x80\0\0\0\0",
        request() + request(),
        b"GET / HTTP/1.1\r\n\r\n",
        request(LINE.replace("GET", "POST")),
        request(LINE.replace("1.1", "1.0")),
        request(LINE.replace("/socket.io", "http://push.example.com/socket.io")),
        request(LINE.replace("token", "#token")),
        request(LINE.replace("token", "\xe9")),
        request(Host=None),
        request(Host="push.example.com:x"),
        request(Host="[::1]:80"),
        request(Upgrade=None),
        request(Upgrade="h2c"),
        request(Connection="close"),
        request(Sec_WebSocket_Version="8"),
        request(Sec_WebSocket_Key=None),
        request(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ"),
        request(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25j#Q=="),
        request(Sec_WebSocket_Protocol="chat"),
        request(Origin="null"),
        request(Origin="https://a.com/path"),
        request(Content_Length="1"),
        request(Transfer_Encoding="chunked"),
        request(Daphne_Root_Path="/x"),
        request()[:-2] + b"host: other\r\n\r\n",
        request()[:-2] + b"x_real_ip: 1.2.3.4\r\n\r\n",
        request()[:-2] + b"a : b\r\n\r\n",
        request()[:-2] + b"a: \0\r\n\r\n",
        request()[:-2] + b"a: 1\r\n b\r\n\r\n",
        request().replace(b"\r\n", b"\n"),
        request(Cookie="a" * MAX_BYTES),
        request()[:-2] + b"".join(b"a%d: b\r\n" % i for i in range(100)) + b"\r\n",
    ],
    ids=lambda data: repr(data[-40:]),
)
def test_what_is_out_of_the_ordinary_goes_the_other_way(data: bytes) -> None:
    assert read_handshake(data, MAX_BYTES) is None
