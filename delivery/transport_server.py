"""The transports of the Socket.IO server: sessions that begin and end, and what each may do.

A transport that joins no namespace is closed in time, one that sends what makes no sense at
once. Between `server`, which has the namespaces on them, and `engine`.
"""

import logging
from typing import Any
from urllib.parse import parse_qs

import socketio

from delivery.addresses import Addresses
from delivery.connection_limits import ConnectionLimits
from delivery.counters import Counters
from delivery.engine import Engine
from delivery.entrance import Entrance, refusal
from delivery.exceptions import InvalidRequest
from delivery.frames import end_poll, packet_frame, write
from delivery.origins import kept_of, read_origin
from delivery.packets import MALFORMED, Orjson, Packet
from delivery.register import Register
from delivery.transports import Scope, Transports
from delivery.turning_away import turn_away

logger = logging.getLogger(__name__)

EIO_SID = "sioweb.eio_sid"  # key of an ASGI scope, once its connection has one
# What engineio would log as an error the first time: the access log has these as 400.
REFUSALS = (
    *("bad-origin", "bad-transport", "bad-version", "bad-sid"),
    *("bad-jsonp-index", "bad-upgrade", "not-connected", "unexpected-http"),
)


class TransportServer(socketio.AsyncServer):
    """python-socketio's server, with our own way to open, read and close a transport."""

    def __init__(
        self,
        limits: ConnectionLimits,
        counters: Counters,
        addresses: Addresses,
        connect_timeout_seconds: float,
        **options: Any,
    ) -> None:
        super().__init__(
            async_mode="asgi",
            client_manager=Register(),
            namespaces="*",
            serializer=Packet,
            json=Orjson,
            logger=logging.getLogger("socketio"),
            engineio_logger=logging.getLogger("engineio"),
            **options,
        )
        self.eio.log_message_keys.update(REFUSALS)
        self.eio.close_transport = self.close_transport
        self._entrance = Entrance(limits, addresses, counters)
        self._transports = Transports(connect_timeout_seconds, self.close_transport)
        self._tasks = self.eio.tasks

    async def handle(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one HTTP request or websocket below the path of Socket.IO."""
        eio_sid = read_sid(scope["query_string"])
        begins_session = not eio_sid and scope.get("method") != "OPTIONS"
        if begins_session and (seconds := self._entrance.seconds_closed(scope)):
            await self.turn_away(scope, receive, send, refusal(seconds))
            return
        self._note_origin(eio_sid, scope)
        try:
            if not await self.eio.open_websocket(scope, receive, send):
                await self.handle_request(scope, receive, send)
        except MALFORMED as error:
            logger.info("Transport closed after a malformed frame: %s", type(error).__name__)
            self.close_transport(scope.get(EIO_SID, eio_sid))

    def _note_origin(self, eio_sid: str, scope: Scope) -> None:
        """A page can begin a session with a script element, which names no origin; but it cannot
        post, or open a websocket, without. Namespaces are joined by those."""
        kept = self.environ.get(eio_sid)
        if kept is not None and "HTTP_ORIGIN" not in kept and (origin := read_origin(scope)):
            kept.update(kept_of({**kept, "HTTP_ORIGIN": origin}))

    async def turn_away(self, scope: Scope, receive: Any, send: Any, error: InvalidRequest) -> None:
        """So that a page that may connect reads why it cannot now."""
        headers = self.eio.cors_headers(scope)
        await turn_away(scope, receive, send, error, headers)

    def close_transport(self, eio_sid: str, reason: str = "") -> None:
        """Close it so that a stock client comes back by itself; `reason` is told to it."""
        if reason:
            logger.warning("Transport closed: %s", reason)
        self._tasks.start(self._close_transport(eio_sid, reason))

    def transports(self) -> list[str]:
        return list(self._transports)

    async def stop(self) -> None:
        await self._tasks.finish(timeout_seconds=2.0)
        await self.shutdown()

    async def _close_transport(self, eio_sid: str, reason: str) -> None:
        socket = self.eio.sockets.pop(eio_sid, None)
        if socket is not None:
            if reason and socket.websocket is not None:
                socket.websocket.close(reason)
            await socket.close(wait=False, reason=self.reason.SERVER_DISCONNECT)
            socket.queue.put_nowait(None)  # the writer ends, and closes the websocket

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> bool:
        if not self._entrance.come(eio_sid, environ["asgi.scope"]):
            return False
        self.eio.adopt(eio_sid)
        await super()._handle_eio_connect(eio_sid, kept_of(environ))
        environ["asgi.scope"][EIO_SID] = eio_sid
        self._transports.open(eio_sid)
        return True

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        socket = self.eio.sockets.get(eio_sid)
        self._transports.end(eio_sid)
        self._entrance.go(eio_sid)
        if reason == self.reason.PING_TIMEOUT and socket and socket.websocket:
            # What a write waits for will not come: a megabyte would stay for another minute.
            socket.websocket.abort()
        if reason == self.reason.CLIENT_DISCONNECT:
            end_poll(self.eio.sockets[eio_sid])
        await super()._handle_eio_disconnect(eio_sid, reason)
        self._binary_packet.pop(eio_sid, None)  # half of one, of a client still connecting

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        try:
            if eio_sid in self._binary_packet and isinstance(data, str):
                raise ValueError("text where an attachment is due")  # taken as one by the library
            await super()._handle_eio_message(eio_sid, data)
        except MALFORMED as error:
            logger.info("Transport closed after a malformed packet: %s", type(error).__name__)
            self._give_up(eio_sid)

    async def _send_packet(self, eio_sid: str, pkt: Packet) -> None:
        """As the library, past its layers: what is sent here is never binary."""
        write(self.eio.sockets.get(eio_sid), packet_frame(pkt.encode()))

    def _give_up(self, eio_sid: str) -> None:
        """Close it, and read nothing more of it meanwhile."""
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:
            socket.give_up()

    def _engineio_server_class(self) -> type[Engine]:
        return Engine


def read_sid(query: bytes) -> str:
    """Return the session that a request is of; "" = it begins one. Most that do need no parsing.

    >>> read_sid(b"EIO=4&transport=websocket"), read_sid(b"EIO=4&s%69d=bK3x")
    ('', 'bK3x')
    """
    if b"sid" not in query and b"%" not in query:
        return ""
    return parse_qs(query.decode("latin-1")).get("sid", [""])[0]
