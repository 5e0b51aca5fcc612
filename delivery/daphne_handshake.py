"""The handshake of an ordinary websocket: read once, and answered at once.

Otherwise Twisted reads its head, daphne writes that anew and autobahn reads it again, with
texts at each step for a log that nobody reads. What is out of the ordinary goes that way
still, and is refused there. Mixed into `daphne_websocket`; imports httptools.
"""

import re
import time
from base64 import b64encode
from collections.abc import Callable
from functools import cached_property
from hashlib import sha1
from typing import Any, NamedTuple
from urllib.parse import unquote

import httptools
from autobahn.websocket.types import ConnectionDeny
from autobahn.websocket.utf8validator import Utf8Validator

from delivery.idle_websocket import NO_REQUEST, OF_ALL

HEAD_END = b"\r\n\r\n"
MAX_HEADERS = 100
KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
HOST = re.compile(rb"[A-Za-z0-9.-]+(:[0-9]+)?")
ORIGIN = re.compile(rb"https?://[A-Za-z0-9.-]+(:[0-9]{1,4})?")
# Names that somebody has to look at who is not here.
OTHERS = frozenset(
    {
        *(b"content-length", b"transfer-encoding", b"expect"),
        *(b"sec-websocket-protocol", b"daphne-root-path"),
    }
)
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nServer: sioweb\r\nUpgrade: WebSocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
)


class Handshake(NamedTuple):
    url: bytes
    headers: list[tuple[bytes, bytes]]  # names in lower case
    key: bytes


class Head:
    """What httptools has read of a request."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))


def read_handshake(data: bytes, max_bytes: int) -> Handshake | None:
    """Read a request for a websocket; None = it is none, not all of it, or out of the ordinary."""
    if len(data) > max_bytes or data.find(HEAD_END) != len(data) - len(HEAD_END):
        return None
    head = Head()
    parser = httptools.HttpRequestParser(head)
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError:
        return None
    else:
        return None
    if (parser.get_method(), parser.get_http_version()) != (b"GET", "1.1"):
        return None
    headers = dict(head.headers)
    is_plain = len(headers) == len(head.headers) <= MAX_HEADERS and OTHERS.isdisjoint(headers)
    if not (is_plain and _is_url(head.url) and _is_for_websocket(headers)):
        return None
    return Handshake(head.url, head.headers, headers[b"sec-websocket-key"])


def _is_url(url: bytes) -> bool:
    return url.startswith(b"/") and url.isascii() and b"#" not in url


def _is_for_websocket(headers: dict[bytes, bytes]) -> bool:
    origin = headers.get(b"origin")
    return (
        headers.get(b"upgrade", b"").lower() == b"websocket"
        and headers.get(b"connection", b"").lower() in (b"upgrade", b"keep-alive, upgrade")
        and headers.get(b"sec-websocket-version") == b"13"
        and KEY.fullmatch(headers.get(b"sec-websocket-key", b"")) is not None
        and HOST.fullmatch(headers.get(b"host", b"")) is not None
        and (origin is None or ORIGIN.fullmatch(origin) is not None)
        and b"_" not in b"".join(headers)
    )


class Answer(NamedTuple):
    """What daphne calls once, in place of a Deferred."""

    callback: Callable[[object], None]
    errback: Callable[[Exception], None]


class DirectHandshake:
    """What autobahn and daphne do from a connection to an open websocket, for a `Handshake`.

    What `AtFirst` has is not set; daphne's bound on how long an application may take stands.
    """

    factory: Any
    transport: Any
    root_path = websocket_origin = ""
    websocket_version = 13
    websocket_extensions_in_use: Any = ()
    greeting = b""

    # By identity, as daphne's own, which take a Python function for each look-up.
    __hash__ = object.__hash__
    __eq__ = object.__eq__

    @cached_property
    def utf8validator(self) -> Any:
        """For what autobahn reads, which is little."""
        return Utf8Validator()

    @property
    def can_greet(self: Any) -> bool:
        return self.request is NO_REQUEST and bool(self.state == self.STATE_CONNECTING)

    def greet(self, frame: bytes) -> None:
        self.greeting = frame

    def begin(self: Any, transport: Any, handshake: Handshake) -> None:
        """Take a connection of Twisted's, and have the application called."""
        self._connect(transport)
        self.server = self.factory.server_class
        self.server.protocol_connected(self)
        self.request = NO_REQUEST
        self.socket_opened = self.last_ping = time.time()
        raw_path, _, query = handshake.url.partition(b"?")
        self.path, self._wskey = raw_path, handshake.key
        self.handshake_deferred = Answer(self._accept, self._refuse)
        scope = {
            "type": "websocket",
            "path": unquote(raw_path.decode()),
            "raw_path": raw_path,
            "root_path": "",
            "headers": handshake.headers,
            "query_string": query,
            "client": self.client_addr,
            "server": self.server_addr,
            "subprotocols": [],
        }
        self.applicationCreateWorked(self.server.create_application(self, scope))

    def _connect(self: Any, transport: Any) -> None:
        transport.protocol = self
        self.transport, self.connected = transport, 1
        peer, host = transport.getPeer(), transport.getHost()
        self.peer = f"tcp:{peer.host}:{peer.port}"
        self.client_addr, self.server_addr = [peer.host, peer.port], [host.host, host.port]
        self.state, self.trafficStats = self.STATE_CONNECTING, OF_ALL
        self.factory.countConnections += 1
        self.produce()

    def _accept(self: Any, _: object) -> None:
        self.state = self.STATE_OPEN
        accept = b64encode(sha1(self._wskey + GUID).digest())  # noqa: S324, RFC 6455
        self.write(ACCEPTED % accept + self.greeting)
        if self.data:  # of a client that did not wait
            self.consumeData()

    def _refuse(self: Any, error: Exception) -> None:
        if isinstance(error, ConnectionDeny):
            self.failHandshake(error.reason, error.code)
        else:
            self.failHandshake("Internal server error", ConnectionDeny.INTERNAL_SERVER_ERROR)
