"""The Engine.IO connections of this process, and what goes on over each.

Below `transport_server`, which tends them.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from delivery.send_queue import DirectWebSocket

logger = logging.getLogger(__name__)

WEBSOCKET = "sioweb.websocket"  # extension of an ASGI scope: a WebSocket
CLOSED_FOR_A_REASON = 4000  # a websocket's code for what the protocol has none for
# In no namespace and asking for none. A client asks at once, so these are far more than come in
# between; each costs some 30 KiB until its deadline.
MAX_IDLE = 10_000
WINDOW_SECONDS = 10.0  # in which a client may emit so many events

Scope = dict[str, Any]


class Listener(Protocol):
    """Whoever has taken over a websocket."""

    def hear(self, packet: str | bytes) -> None: ...

    def write_on(self) -> None:
        """More can be written again."""

    def end(self) -> None:
        """It is closed, by whomever."""


class WebSocket(DirectWebSocket, Protocol):
    """The web server's end of a websocket, where it offers one."""

    @property
    def can_greet(self) -> bool:
        """Whether its handshake was an ordinary one, and is not answered yet."""

    def greet(self, frame: bytes) -> None:
        """Have a frame written together with the answer to the handshake, which accepts it."""

    async def take_over(self, listener: Listener) -> None:
        """Let the listener hear what comes, and what came and was not asked for, in place of
        the ASGI application, which may end when this returns."""

    def tell_end(self, callback: Callable[[], None]) -> bool:
        """Call back when it is closed; False = it was not taken over, or is closed already."""

    def stop_reading(self) -> None:
        """Take nothing more of the client, who is about to be closed; cut it soon."""

    def close(self, reason: str) -> None:
        """Close it at once, whatever is unsent, and tell the client why."""

    def abort(self) -> None:
        """Cut it: nobody is there."""


@dataclass(eq=False, slots=True)
class Transport:
    """One Engine.IO connection."""

    deadline: asyncio.TimerHandle  # by which it must be in a namespace
    connecting: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # by namespace
    joined: set[str] = field(default_factory=set)
    events: int = 0
    window_ends_at: float = 0.0

    @property
    def is_idle(self) -> bool:
        return not self.connecting and not self.joined

    def takes_event(self, now: float, most: int) -> bool:
        """Count an event of the client; False when there are more than `most`, 0 = any number."""
        if now >= self.window_ends_at:
            self.events, self.window_ends_at = 0, now + WINDOW_SECONDS
        self.events += 1
        return not most or self.events <= most


class Transports(dict[str, Transport]):
    """All of the process, by Engine.IO sid: those that are in no namespace have their time to
    join one, and are not too many."""

    def __init__(self, seconds_to_join: float, close: Callable[[str], None]) -> None:
        super().__init__()
        self._seconds_to_join = seconds_to_join
        self._close = close
        self._idle: dict[str, None] = {}  # those that fell idle first stand first

    def open(self, eio_sid: str) -> None:
        self[eio_sid] = Transport(self._start_deadline(eio_sid))
        self.look_at(eio_sid)

    def end(self, eio_sid: str) -> None:
        """It is gone: so is what went on over it."""
        transport = self.pop(eio_sid, None)
        self.look_at(eio_sid)
        if transport is not None:
            transport.deadline.cancel()
            for task in transport.connecting.values():
                task.cancel()

    def part(self, eio_sid: str, namespace: str) -> None:
        """It has left the namespace, whoever wanted it: it may join another in time."""
        transport = self.get(eio_sid)
        if transport is not None:
            transport.joined.discard(namespace)
            transport.deadline.cancel()
            transport.deadline = self._start_deadline(eio_sid)
            self.look_at(eio_sid)

    def look_at(self, eio_sid: str) -> None:
        """Note whether it is idle, after each change; when too many are, close the oldest."""
        transport = self.get(eio_sid)
        if transport is None or not transport.is_idle:
            self._idle.pop(eio_sid, None)
            return
        self._idle.setdefault(eio_sid)
        if len(self._idle) > MAX_IDLE:
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            logger.warning("Transport closed: %d others wait to join a namespace", MAX_IDLE)
            self._close(oldest)

    def _start_deadline(self, eio_sid: str) -> asyncio.TimerHandle:
        loop = asyncio.get_running_loop()
        return loop.call_later(self._seconds_to_join, self._close_if_unused, eio_sid)

    def _close_if_unused(self, eio_sid: str) -> None:
        transport = self.get(eio_sid)
        if transport is not None and not transport.joined:
            logger.info("Transport closed: it joined no namespace in time")
            self._close(eio_sid)


def find_websocket(scope: Scope) -> WebSocket | None:
    """The websocket of an ASGI connection, if it is one and its server offers it."""
    websocket: WebSocket | None = scope.get("extensions", {}).get(WEBSOCKET)
    return websocket
