"""The Engine.IO connections of this process, and what goes on over each.

Below `server`, which tends them.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Protocol

from delivery.send_queue import DirectWebSocket

WEBSOCKET = "sioweb.websocket"  # extension of an ASGI scope: a WebSocket
EVENTS_PER_WINDOW = 200  # a client that emits more is disconnected
WINDOW_SECONDS = 10.0

Scope = dict[str, Any]


class WebSocket(DirectWebSocket, Protocol):
    """The web server's end of a websocket, where it offers one."""

    def close(self, reason: str) -> None:
        """Close it at once, whatever is unsent, and tell the client why."""


@dataclass(eq=False)
class Transport:
    """One Engine.IO connection."""

    deadline: asyncio.TimerHandle  # by which it must be in a namespace
    connecting: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # by namespace
    joined: set[str] = field(default_factory=set)
    websocket: WebSocket | None = None
    events: int = 0
    window_ends_at: float = 0.0

    def takes_event(self, now: float) -> bool:
        """Count an event of the client; False when it floods."""
        if now >= self.window_ends_at:
            self.events, self.window_ends_at = 0, now + WINDOW_SECONDS
        self.events += 1
        return self.events <= EVENTS_PER_WINDOW


def find_websocket(scope: Scope) -> WebSocket | None:
    """The websocket of an ASGI connection, if it is one and its server offers it."""
    websocket: WebSocket | None = scope.get("extensions", {}).get(WEBSOCKET)
    return websocket
