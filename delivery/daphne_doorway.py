"""Where connections come into daphne: those of Engine.IO take their turn, requests go ahead.

When thousands of clients connect at once, `/send` must not stand in line behind their
handshakes. What a connection is shows in its first bytes, before anything costly is done
for it; so does whether it is for another process. Between `daphne_server` and `turnstile`.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from delivery.direct_reading import DirectConnection
from delivery.known_head import REQUEST
from delivery.mail import Mail
from delivery.send_connections import SendConnections
from delivery.turnstile import Turnstile

POLLING = b"transport=polling"
ENGINE_IO = b"EIO="  # in the query of all that a client opens
# Connections that the system holds until they are taken; more it turns away for a second or more.
BACKLOG = 4096
ACCEPTS_AT_ONCE = 20  # by Twisted, which would take more each time as long as they come
# Of each connection; Linux doubles it. By itself it takes up to 4 MB for a client that does not
# read: gigabytes with a thousand of them, and it would be long before one reads why it is closed.
SEND_BUFFER_BYTES = 131_072
MAX_HELD_BYTES = 65_536  # of one connection; a handshake is far smaller
READ_BYTES = 8_192  # at a time
LONGEST_SECONDS = 60.0  # for a connection's first line, and its turn; as Twisted's for a request

BuildProtocol = Callable[[Any], Any]
"""Given the address of a connection; what Twisted reads its requests with."""
OpenWebSocket = Callable[[Any, bytes], bool]
"""Given a connection's transport and what has come; False = that asks for no ordinary websocket."""


class Doorway:
    """Twisted's protocol of a connection until it is its turn, and clear what it is. Nothing of
    what reads requests is made for one that becomes a websocket, or is for somebody else."""

    def __init__(
        self,
        build_protocol: BuildProtocol,
        turnstile: Turnstile,
        mail: Mail | None = None,
        send_connections: SendConnections | None = None,
        open_websocket: OpenWebSocket = lambda transport, held: False,
    ) -> None:
        self._build_protocol = build_protocol
        self._turnstile = turnstile
        self._mail = mail
        self._send_connections = send_connections
        self._open_websocket = open_websocket
        self._held = b""
        self._is_waiting = False  # at the turnstile
        self._transport: Any = None
        self._deadline: asyncio.TimerHandle | None = None

    # --- what Twisted calls

    def makeConnection(self, transport: Any) -> None:
        self._transport = transport
        transport.setTcpNoDelay(True)
        transport.bufferSize = READ_BYTES
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(LONGEST_SECONDS, transport.loseConnection)

    def connectionLost(self, reason: Any) -> None:
        self._held = b""
        self._leave()

    def dataReceived(self, data: bytes) -> None:
        self._held += data
        if self._send_connections is not None and self._held.startswith(REQUEST):
            self._send_connections.adopt(self._transport.socket.dup(), self._held)
            self._let_go()
            return
        line, end, _ = self._held.partition(b"\r\n")
        if self._mail is not None and not end and len(self._held) <= MAX_HELD_BYTES:
            return  # whom it is for may be in the rest of the line
        if ENGINE_IO not in line or len(self._held) > MAX_HELD_BYTES:
            self._open()
        elif not self._is_waiting and not self._is_passed_on(line):
            self._is_waiting = True
            self._turnstile.enter(self._open)

    def _is_passed_on(self, line: bytes) -> bool:
        owner = self._mail.find_owner(line) if self._mail else None
        if self._mail is None or owner is None:
            return False
        if not self._mail.send(owner, self._transport.fileno(), self._held):
            return False
        self._let_go()
        return True

    def _let_go(self) -> None:
        """To Twisted the connection has ended, but someone else goes on with it."""
        transport = self._transport
        transport._shouldShutdown = False
        transport.connectionLost(Failure(ConnectionDone()))

    def _open(self) -> None:
        held, self._held = self._held, b""
        if not held:
            return
        transport = self._leave()
        if not (self._is_waiting and self._open_websocket(transport, held)):
            protocol = transport.protocol = self._build_protocol(transport.getPeer())
            protocol.makeConnection(transport)
            protocol.dataReceived(self._for_one_request(held))

    def _for_one_request(self, held: bytes) -> bytes:
        """With several processes, have each poll come by a connection of its own: the next one
        on the same might be of a session elsewhere, as may be what follows on a page."""
        line, end, rest = held.partition(b"\r\n")
        may_poll_next = ENGINE_IO not in line and not line.startswith(b"POST ")  # no sender does
        if self._mail is None or not (POLLING in line or may_poll_next):
            return held
        return line + end + b"Connection: close" + end + rest

    def _leave(self) -> Any:
        """From now on somebody else has the transport, which is returned."""
        transport, self._transport = self._transport, None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        return transport


def keep_in_bounds(port: Any) -> None:
    """Have a listening port of Twisted take few connections at a time, have them read directly,
    and none of them keep megabytes in the system."""
    read = port.doRead

    def read_some() -> None:
        port.numberAccepts = min(port.numberAccepts, ACCEPTS_AT_ONCE)
        read()

    port.doRead = read_some
    port.transport = DirectConnection
    # The connections have it from their port.
    port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
