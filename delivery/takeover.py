"""What a websocket does once somebody has taken it over from its ASGI application.

The part that does not depend on the web server, mixed into `daphne_websocket` and
`uvicorn_websocket`: it tells its listener what happens, and cuts a client that takes nothing.
Above `transports`.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from delivery.heads import LINGER_SECONDS
from delivery.short_frames import take_short_text
from delivery.transports import Listener

logger = logging.getLogger(__name__)

STALLED_SECONDS = 60.0  # a client that takes nothing for so long is gone
# Read of a websocket at a time. The smallest frames are dear: 64 KiB of them would hold everybody
# up for a tenth of a second.
READ_BYTES = 4_096
MAX_PIECES = 1_000  # of a message that comes in fragments; then they are joined
TIMED_BYTES = 1_024  # less cannot take long
LONG_SECONDS = 0.001  # to work on what was read; acks and pongs of one client are far less
RESTS = 10  # as long as that took, until more of this client is read


def join_many(pieces: list[bytes]) -> list[bytes]:
    """Of a message in fragments of a byte, or none, each would take forty."""
    return [b"".join(pieces)] if len(pieces) >= MAX_PIECES else pieces


class Takeover:
    client: Any  # its address
    _listener: Listener | None = None
    _stall: asyncio.TimerHandle | None = None  # while the client does not read
    _is_read_no_more: bool = False

    def abort(self) -> None:
        raise NotImplementedError

    def stop_reading(self) -> None:
        self._is_read_no_more = True
        self._pause_reading()
        # Nor is the client's answer to the close, which the web servers wait for, for 5 to 10 s.
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.abort)

    def _pause_reading(self) -> None:
        raise NotImplementedError

    def _resume_reading(self) -> None:
        raise NotImplementedError

    def _hear_in_turn(self, hear: Callable[[bytes], None], data: bytes) -> None:
        """Whoever sends what is dear to read waits for the next turn: others have theirs."""
        if len(data) < TIMED_BYTES:
            hear(data)
            return
        began_at = time.thread_time()
        hear(data)
        took_seconds = time.thread_time() - began_at
        if took_seconds > LONG_SECONDS:
            self._pause_reading()
            asyncio.get_running_loop().call_later(RESTS * took_seconds, self._read_on)

    def _hear_short_texts(self, data: bytes) -> bytes:
        """Of data that begins with a frame, hear the short texts; return what follows."""
        start, end = 0, len(data)
        while start < end and self._listener is not None:
            found = take_short_text(data, start)
            if found is None:
                break
            text, start = found
            self._listener.hear(text)
        return data[start:]

    def _read_on(self) -> None:
        if not self._is_read_no_more:
            self._resume_reading()

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
