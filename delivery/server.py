"""Builds the Socket.IO server: python-socketio, with what this service does differently.

A connect is a task of its own, as asking a site may take long and the client's
pongs must be read meanwhile; acks go to `namespace` by their number; what
clients emit is counted and dropped; a transport that joins nothing is closed.
"""

import asyncio
import logging
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import socketio
from socketio import exceptions as refusals

from delivery.addresses import Addresses
from delivery.engine import Engine
from delivery.entrance import Entrance, refusal
from delivery.exceptions import AuthRefused, DeliveryError, InvalidRequest
from delivery.frames import end_poll
from delivery.namespace import Namespaces
from delivery.origins import kept_of, read_origin
from delivery.packets import MALFORMED, Orjson, Packet, parse_ack
from delivery.register import Register
from delivery.transports import Scope, Transport, Transports
from delivery.turning_away import turn_away

logger = logging.getLogger(__name__)

EIO_SID = "sioweb.eio_sid"  # key of an ASGI scope, once its connection has one
# What engineio would log as an error the first time: the access log has these as 400.
REFUSALS = (
    *("bad-origin", "bad-transport", "bad-version", "bad-sid"),
    *("bad-jsonp-index", "bad-upgrade", "not-connected", "unexpected-http"),
)


class Server(socketio.AsyncServer):
    """The Socket.IO server of one process."""

    def __init__(
        self,
        clients: Namespaces,
        *,
        connect_timeout_seconds: float,
        addresses: Addresses | None = None,
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
        self.eio.take_ack = self._take_ack
        self.eio.admits_origin = clients.origins.allow
        self.eio.close_transport = self.close_transport
        self._clients = clients
        self._limits = clients.limits
        self._entrance = Entrance(self._limits, addresses or Addresses(()), clients.counters)
        self._transports = Transports(connect_timeout_seconds, self.close_transport)
        self._tasks = self.eio.tasks
        self.ignored_events = 0

    def drop_outdated(self, names: frozenset[str]) -> None:
        """Part with the clients of sites that are gone or mean something else now."""
        for sid, namespace, is_gone in self._clients.outdated(names):
            if is_gone:
                self._tasks.start(self.disconnect(sid, namespace=namespace))
            else:
                self.close_transport(self.manager.eio_sid_from_sid(sid, namespace))

    async def handle(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one HTTP request or websocket below the path of Socket.IO."""
        [eio_sid, *_] = parse_qs(scope["query_string"].decode("latin-1")).get("sid", [""])
        begins_session = not eio_sid and scope.get("method") != "OPTIONS"
        if begins_session and (seconds := self._entrance.seconds_closed(scope)):
            await self.turn_away(scope, receive, send, refusal(seconds))
            return
        self._note_origin(eio_sid, scope)
        try:
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

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: object) -> None:
        name = namespace or "/"
        transport = self._transports.get(eio_sid)
        if transport is None or name in transport.joined:
            return
        former = transport.connecting.get(name)
        if former is not None and not former.cancelling():
            return
        if len(transport.connecting) + len(transport.joined) >= self._limits.namespaces:
            self._clients.counts_of(name).limited["namespaces"] += 1
            self._give_up(eio_sid)
            return
        connect = self._connect(transport, eio_sid, name, data, former)
        transport.connecting[name] = self._tasks.start(connect)
        self._transports.look_at(eio_sid)

    async def _connect(
        self,
        transport: Transport,
        eio_sid: str,
        namespace: str,
        data: object,
        former: asyncio.Task[None] | None,
    ) -> None:
        """Let the base class answer the client; undo what a failed connect leaves behind.

        `former` is a connect that the client has taken back and that is still being undone.
        """
        if former is not None:
            await asyncio.wait([former])
        is_abandoned = True
        try:
            await super()._handle_connect(eio_sid, namespace, data)
            is_abandoned = False
        except DeliveryError as error:
            logger.warning("%s: transport closed, the client will try again: %s", namespace, error)
            self.close_transport(eio_sid)
        finally:
            if is_abandoned:  # a second cancellation must not leave half of it
                await asyncio.shield(self._tasks.start(self._abandon(eio_sid, namespace)))
            if transport.connecting.get(namespace) is asyncio.current_task():
                del transport.connecting[namespace]
            self._transports.look_at(eio_sid)
        self._welcome(eio_sid, namespace, transport)

    def _welcome(self, eio_sid: str, namespace: str, transport: Transport) -> None:
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid is not None and self.manager.is_connected(sid, namespace):
            transport.joined.add(namespace)
            transport.deadline.cancel()
            self._transports.look_at(eio_sid)
            self._clients.welcome(sid)

    async def _abandon(self, eio_sid: str, namespace: str) -> None:
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid is not None:
            await self._clients.dismiss(sid)
            await self.manager.disconnect(sid, namespace)

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """The base class's way to the handlers: there are two."""
        if event == "connect":
            sid, environ, *auth = args
            await self._admit(namespace, sid, environ, auth[0] if auth else None)
        elif event == "disconnect":
            self._transports.part(self.manager.eio_sid_from_sid(args[0], namespace), namespace)
            await self._clients.dismiss(args[0])

    async def _admit(self, namespace: str, sid: str, environ: dict[str, str], auth: object) -> None:
        """Raises ConnectionRefusedError for a `connect_error`, another DeliveryError when the
        transport is to be closed: a stock client comes back by itself after that, but not after
        a `connect_error`, which it gets all the same when others share its transport."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace)
        try:
            await self._clients.admit(
                namespace,
                sid,
                environ["QUERY_STRING"],
                auth,
                origin=environ.get("HTTP_ORIGIN", ""),
                find_socket=partial(self.eio.sockets.get, eio_sid),
                close_transport=partial(self.close_transport, eio_sid),
            )
        except AuthRefused as error:
            await self._clients.dismiss(sid)
            data = () if error.code is None else ({"code": error.code},)
            raise refusals.ConnectionRefusedError(str(error), *data) from error
        except DeliveryError as error:
            if not self._transports[eio_sid].joined:
                raise
            await self._clients.dismiss(sid)
            raise refusals.ConnectionRefusedError("Try again later", {"retryable": True}) from error

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    async def _handle_event(
        self, eio_sid: str, namespace: str | None, ack_id: int | None, data: object
    ) -> None:
        self.ignored_events += 1
        transport = self._transports.get(eio_sid)
        now, most = asyncio.get_running_loop().time(), self._limits.events
        if transport and not transport.takes_event(now, most):
            logger.warning("A client that emits too many events is disconnected")
            # Of other sites the client is none, whatever it names.
            joined = namespace if namespace and namespace in transport.joined else "/"
            self._clients.counts_of(joined).limited["events"] += 1
            self._give_up(eio_sid)

    def _give_up(self, eio_sid: str) -> None:
        """Close it, and read nothing more of it meanwhile."""
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:
            socket.give_up()

    def _take_ack(self, eio_sid: str, text: str) -> bool:
        """Take `3/newsite,17[]`, the way that nearly all packets of clients go; False = it is
        something else, for the library to look at."""
        ack = parse_ack(text)
        sid = self.manager.sid_from_eio_sid(eio_sid, ack.namespace) if ack else None
        if ack is None or sid is None:
            return False
        self._clients.acknowledge(sid, ack.id)
        return True

    async def _handle_ack(
        self, eio_sid: str, namespace: str | None, ack_id: int | None, data: object
    ) -> None:
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace or "/")
        if sid is not None and ack_id is not None:
            self._clients.acknowledge(sid, ack_id)

    async def _handle_disconnect(
        self, eio_sid: str, namespace: str | None, reason: str | None = None
    ) -> None:
        name = namespace or "/"
        transport = self._transports.get(eio_sid)
        if transport is not None and name in transport.connecting:
            transport.connecting[name].cancel()
        await super()._handle_disconnect(eio_sid, name, reason)
