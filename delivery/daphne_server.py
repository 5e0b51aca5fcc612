"""Daphne inside this process: it listens, says so, serves until told to drain, and stops.

Between `web_server` and what makes its connections fit for a crowd.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from socket import AF_INET
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server as Daphne
from daphne.server import twisted_loop
from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.logger import globalLogPublisher

from delivery.daphne_channel import channels_of
from delivery.daphne_doorway import BACKLOG, Doorway, keep_in_bounds
from delivery.daphne_handshake import read_handshake
from delivery.daphne_request import requests_of
from delivery.daphne_websocket import CLOSE_SECONDS, FlowControlledWebSocket
from delivery.heads import Heads
from delivery.library_versions import are_known
from delivery.listening import REQUESTS_TIMEOUT_SECONDS, ListenError, Listening, Place, finish
from delivery.send_connections import SendConnections
from delivery.transports import WEBSOCKET
from delivery.turnstile import Turnstile

logger = logging.getLogger(__name__)

FOR_EVER_SECONDS = 10 * 365 * 86_400
ACCEPT_SECONDS = 5  # autobahn's for an application to answer a handshake; ours has no timer


class DaphneServer(Daphne):
    """Daphne on its own event loop, with a way to stop gently."""

    def __init__(
        self, application: Any, place: Place, max_message_bytes: int, heads: Heads
    ) -> None:
        super().__init__(
            application,
            endpoints=_endpoints(place),
            signal_handlers=False,
            websocket_timeout=-1,  # no limit: Engine.IO finds dead peers by its own pings
            websocket_connect_timeout=ACCEPT_SECONDS,
            ping_interval=FOR_EVER_SECONDS,
            websocket_max_message_size=max_message_bytes,
            websocket_max_frame_size=max_message_bytes,
            server_name="sioweb",
            verbosity=1,
            ready_callable=self._use_own_protocols,
        )
        self._turnstile = Turnstile()
        self._mail = place.mail
        self._heads = heads
        self._make_request = requests_of(max_message_bytes)
        self.is_fast = are_known()
        self._send_connections = SendConnections(application, self._adopt, self._heads)
        self._websockets: set[FlowControlledWebSocket] = set()  # that were taken over
        self._are_gone: asyncio.Event | None = None
        self._ports: list[Any] = []
        self._on_listening: Listening | None = None
        self._listen_error: Exception | None = None

    def run(self, start: Callable[[], Awaitable[None]], on_listening: Listening) -> None:
        self._on_listening = on_listening
        twisted_loop.run_until_complete(start())
        super().run()
        if self._listen_error is not None:
            raise ListenError(str(self._listen_error)) from self._listen_error

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        scope["root_path"] = ""  # whatever Daphne-Root-Path says, which anybody can send
        if self.is_fast and isinstance(protocol, FlowControlledWebSocket):
            scope["extensions"] = {WEBSOCKET: protocol}
        return super().create_application(protocol, scope)

    def protocol_disconnected(self, protocol: Any) -> None:
        """Twice for a websocket that was refused: when it was, and when the client hangs up, which
        may be after it was forgotten."""
        if protocol in self.connections:
            super().protocol_disconnected(protocol)

    def _use_own_protocols(self) -> None:
        globalLogPublisher.addObserver(log_failure)
        # What is not said of null origins would take back what daphne has said.
        self.ws_factory.setProtocolOptions(
            closeHandshakeTimeout=CLOSE_SECONDS, allowNullOrigin=True
        )
        self.ws_factory.protocol = FlowControlledWebSocket.configured(self.ws_factory)
        self.ws_factory.turnstile = self._turnstile
        self.http_factory.protocol = channels_of(self._heads)
        self._build_channel = self.http_factory.buildProtocol
        self.http_factory.buildProtocol = self._build_doorway

    def _build_doorway(self, _: Any) -> Doorway:
        send_connections = self._send_connections if self.is_fast else None
        own = self._turnstile, self._mail, send_connections
        return Doorway(self._build_protocol, *own, self._open_websocket)

    def _build_protocol(self, address: Any) -> Any:
        protocol = self._build_channel(address)
        protocol.requestFactory = self._make_request
        return protocol

    def _open_websocket(self, transport: Any, read: bytes) -> bool:
        """Have a websocket in place of Twisted's reader of requests, if `read` asks for one."""
        handshake = read_handshake(read, self._heads.max_bytes) if self.is_fast else None
        if handshake is None:
            return False
        self.ws_factory.buildProtocol(None).begin(transport, handshake)
        return True

    def _adopt(self, fd: int, read: bytes) -> None:
        """Go on with a connection that another process has read the beginning of."""
        try:
            transport = reactor.adoptStreamConnection(fd, AF_INET, self.http_factory)
        except OSError as error:
            logger.info("A connection that was passed on has ended: %s", error)
        else:
            transport.protocol.dataReceived(read)
        finally:
            os.close(fd)  # Twisted has one of its own

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        keep_in_bounds(port)
        if self._mail is not None:
            twisted_loop.call_soon(self._mail.receive, self._adopt)
        self._ports.append(port)
        if self._on_listening is not None:
            # Not before the loop runs: by then the port is bound, but nobody answers.
            twisted_loop.call_soon(self._on_listening, port.getHost().host, port.getHost().port)

    def listen_error(self, failure: Any) -> None:
        # Without the address, which whoever reports it knows.
        self._listen_error = getattr(failure.value, "socketError", failure.value)
        self.stop()

    async def stop_listening(self) -> None:
        for port in self._ports:
            await maybeDeferred(port.stopListening).asFuture(asyncio.get_running_loop())
        self._send_connections.close()

    async def finish_requests(self) -> None:
        running = [
            details["application_instance"]
            for details in self.connections.values()
            if "application_instance" in details
        ]
        await finish([*running, *self._send_connections.requests])
        if self._websockets:
            self._are_gone = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._are_gone.wait(), REQUESTS_TIMEOUT_SECONDS)

    def note_taken(self, websocket: FlowControlledWebSocket) -> None:
        """No application serves it any more, nor ends with it."""
        self._websockets.add(websocket)

    def note_gone(self, websocket: FlowControlledWebSocket) -> None:
        self._websockets.discard(websocket)
        if self._are_gone is not None and not self._websockets:
            self._are_gone.set()

    def kill_all_applications(self) -> Any:
        """As daphne's own, which trips over connections that have no application yet."""
        for protocol, details in list(self.connections.items()):
            if "application_instance" not in details:
                del self.connections[protocol]
        return super().kill_all_applications()

    def stop(self) -> None:
        if reactor.running:
            reactor.stop()
        else:
            reactor.callWhenRunning(reactor.stop)


def log_failure(event: Mapping[str, Any]) -> None:
    """Daphne silences Twisted's own log; what nobody there has caught belongs into this one."""
    failure = event.get("log_failure")
    if failure is not None:
        trace = (failure.type, failure.value, failure.getTracebackObject())
        logger.error("A failure that nobody caught", exc_info=trace)


def _endpoints(place: Place) -> list[str]:
    if place.fd is not None:
        return list(build_endpoint_description_strings(file_descriptor=place.fd))
    endpoints = build_endpoint_description_strings(host=place.host, port=place.port)
    return [f"{endpoint}:backlog={BACKLOG}" for endpoint in endpoints]
