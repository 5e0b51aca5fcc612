"""Ctrl-C in an orderly way: a deploy has to clean up over the connection that it interrupts."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any


class Interrupts:
    """Ctrl-C is KeyboardInterrupt between two commands: in the midst of one it could leave half
    a packet on the connection, which is of no use then. A second one is raised where it comes."""

    def __init__(self) -> None:
        self._is_due = False
        self._channel: Any = None

    @contextmanager
    def held_back(self) -> Iterator[None]:
        before = signal.signal(signal.SIGINT, self._hold_back)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def closing_input_of(self, channel: Any) -> Iterator[None]:
        """Ctrl-C ends the input of the command that runs there, which may watch it."""
        self._channel = channel
        if self._is_due:
            channel.shutdown_write()
        try:
            yield
        finally:
            self._channel = None

    def raise_if_due(self) -> None:
        if self._is_due:
            self._is_due = False
            raise KeyboardInterrupt

    def _hold_back(self, *_: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._is_due = True
        if self._channel is not None:
            # Not here: the thread that is interrupted may have what this waits for.
            Thread(target=self._channel.shutdown_write, daemon=True).start()
