"""The end of a connection that nobody is at: what is written to it is kept."""

import asyncio
from typing import Any


class KeepingTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 4711), "sockname": ("192.0.2.2", 80)})
        self.written: list[bytes] = []  # as asyncio, not what comes behind a close
        self.is_closed = False

    def write(self, data: Any) -> None:
        if not self.is_closed:
            self.written.append(data)

    def write_eof(self) -> None:
        """Nobody reads to the end."""

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def pause_reading(self) -> None:
        """What comes is pushed, read or not."""

    resume_reading = pause_reading
