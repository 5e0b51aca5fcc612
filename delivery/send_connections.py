"""Connections of the sites' backends under daphne: `POST /send` read by httptools.

Twisted and daphne take two thirds of the processor time of a `/send`. So a connection that
begins with one is taken from daphne when that shows, on the same event loop and for the same
application; when something else comes on it, as on a proxy's kept-alive connection, daphne
gets it back. Between `daphne_server` and `daphne_doorway`; imports uvicorn.
"""

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate
from socket import socket
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from delivery.heads import Heads
from delivery.http_connection import KEEP_ALIVE_SECONDS, HttpConnection
from delivery.known_head import REQUEST

HandBack = Callable[[int, bytes], None]


class SendConnections:
    """All of them in this process; `hand_back(fd, read)` is for one that turns to other things."""

    def __init__(self, application: Any, hand_back: HandBack, heads: Heads) -> None:
        self.config = uvicorn.Config(
            application,
            http=HttpConnection,
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self.config.load()
        self.state = ServerState()
        self.hand_back = hand_back
        self.heads = heads
        self._adoptions: set[asyncio.Task[Any]] = set()
        self._stamped_at = 0

    def adopt(self, connection: socket, read: bytes) -> None:
        """Go on with a connection of which `read` has been read."""
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        adoption = loop.create_task(
            loop.connect_accepted_socket(lambda: SendConnection(self, read), connection)
        )
        self._adoptions.add(adoption)
        adoption.add_done_callback(self._adoptions.discard)

    @property
    def requests(self) -> set[asyncio.Task[None]]:
        """Those that are running."""
        return self.state.tasks

    def close(self) -> None:
        """Each when its request is answered."""
        for connection in list(self.state.connections):
            connection.shutdown()

    def stamp(self) -> None:
        """Have answers carry the time."""
        now = int(time.time())
        if now != self._stamped_at:
            self._stamped_at = now
            date = formatdate(now, usegmt=True).encode()
            self.state.default_headers = [(b"server", b"sioweb"), (b"date", date)]


class SendConnection(HttpConnection):
    """One connection."""

    def __init__(self, siblings: SendConnections, read: bytes) -> None:
        super().__init__(siblings.config, siblings.state, app_state={})
        self._siblings = siblings
        self.heads = siblings.heads
        self._read = read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        read, self._read = self._read, b""
        self.data_received(read)

    def data_received(self, data: bytes) -> None:
        if data.startswith(REQUEST) or not self._is_idle():
            self._siblings.stamp()
            super().data_received(data)
        else:
            self._hand_back(data)

    def _is_idle(self) -> bool:
        return not self._is_in_request and self.cycle is not None and self.cycle.response_complete

    def _hand_back(self, data: bytes) -> None:
        fd = self.transport.get_extra_info("socket").dup().detach()
        self.transport.abort()
        self._siblings.hand_back(fd, data)
