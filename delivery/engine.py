"""Engine.IO: python-engineio's server, with sockets that need no task where they can do without.

A websocket of a web server that lets us (see `transports.WebSocket`) is taken over once it is
open: what comes is heard in a callback, what goes is written at once, and the ASGI call ends.
Under any other server, and while a client polls, python-engineio's own way is taken.
Between `transport_server` and `hearing`.
"""

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable
from typing import Any

import engineio
from engineio.exceptions import EngineIOError, SocketIsClosedError
from engineio.packet import NOOP, PING, Packet

from delivery.hearing import HearingSocket
from delivery.openings import is_plain_opening
from delivery.origins import read_origin
from delivery.packets import MALFORMED, opening_packet
from delivery.send_queue import SendQueue, Unsent, websocket_frame
from delivery.tasks import Tasks
from delivery.transports import Scope, WebSocket, find_websocket

logger = logging.getLogger(__name__)

PROBE, PROBED, UPGRADE = "2probe", "3probe", "5"  # of a websocket that follows on polling
WEBSOCKET_TRANSPORT = "websocket"
NOTHING = contextvars.Context()  # for callbacks of sockets: a copy for each would be kept with it

TakePacket = Callable[[str, str], bool]
"""Given a session and what it sent; False = it is for the library to look at."""
CloseTransport = Callable[[str], None]


class Engine(engineio.AsyncServer):
    """The Engine.IO server of one process; the callbacks are to be set."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, monitor_clients=False)  # each socket has its timer
        self.tasks = Tasks()
        self._unsent = Unsent()
        self.take_ack: TakePacket = lambda eio_sid, text: False
        self.take_connect: TakePacket = lambda eio_sid, text: False
        self.close_transport: CloseTransport = lambda eio_sid: None
        self.admits_origin: Callable[[str], bool] = lambda origin: True
        self.id_prefix = ""  # of this process's sessions, where several serve one address

    def generate_id(self) -> str:
        return f"{self.id_prefix}{super().generate_id()}"

    def create_queue(self, *_: Any, **__: Any) -> SendQueue:
        return SendQueue(self._unsent)

    def _cors_allowed_origins(self, environ: dict[str, Any]) -> list[str] | None:
        """As the library's own, which is what the configuration says; and no page that no site
        wants. None = every origin."""
        origin = environ.get("HTTP_ORIGIN", "")
        if origin and not self.admits_origin(origin):
            return []
        allowed: list[str] | None = super()._cors_allowed_origins(environ)
        return allowed

    def _cors_headers(self, environ: dict[str, Any]) -> list[tuple[str, str]]:
        """The answer names the origin of the question: caches must not give it to another."""
        headers: list[tuple[str, str]] = super()._cors_headers(environ)
        is_off = self.cors_allowed_origins == []
        return headers if is_off else [*headers, ("Vary", "Origin")]

    def cors_headers(self, scope: Scope) -> list[tuple[str, str]]:
        """Those of a request that the library does not get to see."""
        environ = {"REQUEST_METHOD": scope.get("method", "GET")}
        if origin := read_origin(scope):
            environ["HTTP_ORIGIN"] = origin
        return self._cors_headers(environ)

    async def open_websocket(self, scope: Scope, receive: Any, send: Any) -> bool:
        """Serve a websocket that begins a session, as `handle_request` would, but told of it with
        the acceptance; False = something about it is for the library to look into, or to refuse."""
        websocket, origin = find_websocket(scope), read_origin(scope)
        if websocket is None or not self._is_plain(websocket, scope, origin):
            return False
        await receive()
        sid = self.generate_id()
        socket = self.sockets[sid] = Socket(self, sid)
        environ = {"REQUEST_METHOD": "GET", "QUERY_STRING": scope["query_string"].decode()}
        environ |= {"HTTP_ORIGIN": origin} if origin else {}
        environ |= {"asgi.scope": scope, "asgi.send": send}
        if await self._trigger_event("connect", sid, environ) is True:
            socket.schedule_ping()
            told = self.ping_interval, self.ping_timeout, self.max_http_buffer_size
            websocket.greet(websocket_frame(opening_packet(sid, *told).encode()))
            await send({"type": "websocket.accept"})
            await socket.take(websocket)
        else:
            del self.sockets[sid]
            self.logger.warning("Application rejected connection")
            await self._make_response(self._unauthorized(), environ)
        return True

    def _is_plain(self, websocket: WebSocket, scope: Scope, origin: str) -> bool:
        return (
            websocket.can_greet
            and is_plain_opening(scope["query_string"])
            and WEBSOCKET_TRANSPORT in self.transports
            and (not origin or (self.cors_allowed_origins == "*" and self.admits_origin(origin)))
        )

    def adopt(self, eio_sid: str) -> None:
        """Make a new connection's socket one of ours: the library has no hook for its class. Tell
        the client the ping interval in milliseconds, which the library cuts to whole seconds."""
        socket: Socket = self.sockets[eio_sid]
        if socket.__class__ is Socket:
            return
        socket.__class__ = Socket
        opening: Any = socket.queue.look_at_opening()
        opening.data["pingInterval"] = round(self.ping_interval * 1000)


class Socket(HearingSocket):
    """One Engine.IO connection."""

    queue: SendQueue
    last_ping: float | None  # when it was sent; None = it is answered
    connected: bool
    upgrading: bool
    _timer: asyncio.TimerHandle | None = None  # until a ping is sent, or its pong is late

    # --- python-engineio's hooks

    def schedule_ping(self) -> None:
        """As the library's own, by a timer in place of a task for each and one for all."""
        if self.last_ping:
            self.last_ping = None
            self._set_timer(self.server.ping_interval, self._send_ping)

    def _send_ping(self) -> None:
        if not self.closing and not self.closed:
            self.last_ping = time.time()
            self.queue.put_nowait(Packet(PING))
            self._set_timer(self.server.ping_timeout, self._time_out)

    def _time_out(self) -> None:
        """The pong is late. Half-open connections are told that they are closed, too."""
        reason = self.server.reason.PING_TIMEOUT
        self.server.tasks.start(self._end(False, reason))

    async def check_ping_timeout(self) -> bool:
        """Leave that to the timer: the library's own looks at a clock that may be set, and keeps
        even the CLOSE packet from a client that is late."""
        if self.closed:
            raise SocketIsClosedError
        return True

    def _set_timer(self, seconds: float, callback: Callable[[], None]) -> None:
        self._cancel_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, callback, context=NOTHING)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Refuse what makes no sense; the library would answer 200 and log a traceback."""
        try:
            await super().handle_post_request(environ)
        except MALFORMED as error:
            raise EngineIOError("malformed") from error
        if self.closed:  # and need not come again
            self._forget()

    async def close(
        self, wait: bool = True, abort: bool = False, reason: str | None = None
    ) -> None:
        """Close without waiting until the client has read what is left."""
        was_closed = self.closed
        await super().close(wait=False, abort=abort, reason=reason)
        self._cancel_timer()
        if self.queue.websocket is not None and self.closed and not was_closed:
            self.queue.put_nowait(None)

    async def _upgrade_websocket(self, environ: dict[str, Any]) -> Any:
        """One websocket at a time: of two that follow on polling the wrong one would be taken
        over, and what comes on the other be kept for nobody."""
        if self.upgrading or self.upgraded:
            return self.server._bad_request("Upgraded already")
        self.upgrading = self.connected
        self.websocket = find_websocket(environ["asgi.scope"])
        try:
            return await super()._upgrade_websocket(environ)
        finally:
            self.upgrading = False

    async def _websocket_handler(self, ws: Any) -> None:
        if self.websocket is None:
            await super()._websocket_handler(ws)
        elif not self.connected or await self._is_upgraded(ws):
            await self.take(self.websocket)
        else:
            await ws.close()

    async def take(self, websocket: WebSocket) -> None:
        """Have it for what comes and goes from now on."""
        self.websocket = websocket
        self.connected = self.upgraded = True
        self.queue.attach(websocket)
        await websocket.take_over(self)
        if self.closed:
            self._forget()

    async def _is_upgraded(self, ws: Any) -> bool:
        """Go through the probe of a websocket; polling goes on when it fails.

        Engine.IO protocol 4: the client sends PING "probe" and gets PONG "probe", its poll is
        ended with a NOOP, and it sends UPGRADE. One that does not, or not before its session
        has ended, would stay open for ever.
        """
        try:
            async with asyncio.timeout(self.server.ping_timeout):
                if await ws.wait() != PROBE:
                    return False
                await ws.send(PROBED)
                self.queue.put_nowait(Packet(NOOP))
                return await ws.wait() == UPGRADE and not (self.closing or self.closed)
        except OSError:  # a TimeoutError, too
            return False

    # --- what a websocket that was taken over tells

    def write_on(self) -> None:
        """The websocket takes more again."""
        self.queue.write_on()

    def end(self) -> None:
        """The websocket is gone."""
        self.queue.clear()
        self.server.tasks.start(self._end(True, self.server.reason.TRANSPORT_CLOSE))

    async def _end(self, abort: bool, reason: str) -> None:
        await self.close(abort=abort, reason=reason)
        self._forget()

    def _forget(self) -> None:
        if self.server.sockets.get(self.sid) is self:
            del self.server.sockets[self.sid]
