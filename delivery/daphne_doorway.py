"""Where connections come into daphne: those of Engine.IO take their turn, requests go ahead.

When thousands of clients connect at once, `/send` must not stand in line behind their
handshakes. What a connection is shows in its first bytes, before anything costly is done
for it. Between `web_server` and `turnstile`; imports nothing else of the project.
"""

import socket
from typing import Any

from delivery.turnstile import Turnstile

ENGINE_IO = b"EIO="  # in the query of all that a client opens
# Connections that the system holds until they are taken; more it turns away for a second or more.
BACKLOG = 4096
ACCEPTS_AT_ONCE = 20  # by Twisted, which would take more each time as long as they come
# Of each connection; Linux doubles it. By itself it takes up to 4 MB for a client that does not
# read: gigabytes with a thousand of them, and it would be long before one reads why it is closed.
SEND_BUFFER_BYTES = 131_072
MAX_HELD_BYTES = 65_536  # of one connection; a handshake is far smaller


class Doorway:
    """Holds the first bytes of one connection until it is its turn."""

    def __init__(self, protocol: Any, turnstile: Turnstile) -> None:
        self._protocol = protocol
        self._turnstile = turnstile
        self._held = b""
        protocol.dataReceived = self._receive
        protocol.connectionLost = self._lose

    def _receive(self, data: bytes) -> None:
        is_waiting = bool(self._held)
        self._held += data
        line = self._held.partition(b"\r\n")[0]
        if ENGINE_IO not in line or len(self._held) > MAX_HELD_BYTES:
            self._open()
        elif not is_waiting:
            self._turnstile.enter(self._open)

    def _lose(self, reason: Any) -> None:
        self._held = b""
        self._leave()
        self._protocol.connectionLost(reason)

    def _open(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._leave()
            self._protocol.dataReceived(held)

    def _leave(self) -> None:
        """From now on the protocol gets what comes itself."""
        del self._protocol.dataReceived, self._protocol.connectionLost


def keep_in_bounds(port: Any) -> None:
    """Have a listening port of Twisted take few connections at a time, and none of them keep
    megabytes in the system."""
    read = port.doRead

    def read_some() -> None:
        port.numberAccepts = min(port.numberAccepts, ACCEPTS_AT_ONCE)
        read()

    port.doRead = read_some
    # The connections have it from their port.
    port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
