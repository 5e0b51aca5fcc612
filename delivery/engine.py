"""Engine.IO: python-engineio's server, which makes each connection an `engine_socket`.

Between `server`, which sets its callbacks, and `engine_socket`.
"""

from collections.abc import Callable
from typing import Any

import engineio

from delivery.engine_socket import Socket
from delivery.origins import read_origin
from delivery.send_queue import SendQueue, Unsent
from delivery.tasks import Tasks
from delivery.transports import Scope

TakeAck = Callable[[str, str], bool]
CloseTransport = Callable[[str], None]


class Engine(engineio.AsyncServer):
    """The Engine.IO server of one process; the callbacks are to be set."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, monitor_clients=False)  # each socket has its timer
        self.tasks = Tasks()
        self._unsent = Unsent()
        self.take_ack: TakeAck = lambda eio_sid, text: False
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

    def adopt(self, eio_sid: str) -> None:
        """Make a new connection's socket one of ours: the library has no hook for its class. Tell
        the client the ping interval in milliseconds, which the library cuts to whole seconds."""
        socket: Socket = self.sockets[eio_sid]
        socket.__class__ = Socket
        opening: Any = socket.queue.get_nowait()
        opening.data["pingInterval"] = round(self.ping_interval * 1000)
        socket.queue.put_nowait(opening)
