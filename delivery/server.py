"""Builds the Socket.IO server: python-socketio, with what this service does differently.

A connect is a task of its own, as asking a site may take long and the client's
pongs must be read meanwhile; acks go to `namespace` by their number; what
clients emit is counted and dropped. Its transports are `transport_server`'s.
"""

import asyncio
import logging
from functools import partial
from typing import Any

from socketio import exceptions as refusals
from socketio.packet import CONNECT

from delivery.addresses import Addresses
from delivery.exceptions import AuthRefused, DeliveryError
from delivery.namespace import Namespaces
from delivery.packets import MALFORMED, Packet, parse_ack
from delivery.transport_server import TransportServer
from delivery.transports import Transport

logger = logging.getLogger(__name__)


class Server(TransportServer):
    """The Socket.IO server of one process."""

    def __init__(
        self,
        clients: Namespaces,
        *,
        connect_timeout_seconds: float,
        addresses: Addresses,
        **options: Any,
    ) -> None:
        super().__init__(
            clients.limits, clients.counters, addresses, connect_timeout_seconds, **options
        )
        self.eio.take_ack = self._take_ack
        self.eio.take_connect = self._take_connect
        self.eio.admits_origin = clients.origins.allow
        self._clients = clients
        self._limits = clients.limits
        self.ignored_events = 0

    def drop_outdated(self, names: frozenset[str]) -> None:
        """Part with the clients of sites that are gone or mean something else now."""
        for sid, namespace, is_gone in self._clients.outdated(names):
            if is_gone:
                self._tasks.start(self.disconnect(sid, namespace=namespace))
            else:
                self.close_transport(self.manager.eio_sid_from_sid(sid, namespace))

    def _take_connect(self, eio_sid: str, text: str) -> bool:
        """Take `0/newsite,{"token":"12345"}` without the library's task for it; False = it makes
        no sense, or comes where an attachment is due."""
        try:
            packet = Packet(encoded_packet=text)
        except MALFORMED:
            return False
        if packet.packet_type != CONNECT or eio_sid in self._binary_packet:
            return False
        self._begin_connect(eio_sid, packet.namespace, packet.data)
        return True

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: object) -> None:
        self._begin_connect(eio_sid, namespace, data)

    def _begin_connect(self, eio_sid: str, namespace: str | None, data: object) -> None:
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

    def _take_ack(self, eio_sid: str, text: str) -> bool:
        """Take `3/newsite,17[]`, the way that nearly all packets of clients go; False = it is
        something else, for the library to look at."""
        ack = parse_ack(text)
        if ack is None:
            return False
        namespace, ack_id = ack
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid is None:
            return False
        self._clients.acknowledge(sid, ack_id)
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
