"""What a websocket does once somebody has taken it over from its ASGI application.

The part that does not depend on the web server, mixed into `daphne_websocket` and
`uvicorn_websocket`: it tells its listener what happens, and cuts a client that takes nothing.
Above `transports`.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from delivery.transports import Listener

logger = logging.getLogger(__name__)

STALLED_SECONDS = 60.0  # a client that takes nothing for so long is gone


class Takeover:
    client: Any  # its address
    _listener: Listener | None = None
    _stall: asyncio.TimerHandle | None = None  # while the client does not read

    def abort(self) -> None:
        raise NotImplementedError

    def _hear_event(self, event: Mapping[str, Any]) -> None:
        """What came before: it was put aside for the application."""
        if event["type"] == "websocket.disconnect":
            self._end()
        elif event["type"] == "websocket.receive" and self._listener is not None:
            self._listener.hear(event["text"] if "text" in event else event["bytes"])

    def _end(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.end()

    def _begin_stall(self) -> None:
        if self._stall is None:
            loop = asyncio.get_running_loop()
            self._stall = loop.call_later(STALLED_SECONDS, self._give_up)

    def _end_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _give_up(self) -> None:
        logger.warning("A client that takes nothing is cut off: %s", self.client)
        self.abort()
