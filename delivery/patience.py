"""Ends what has waited too long: one timer for all that wait, not one for each.

For `runner`, `outbox` and `shard`. Imports nothing of the project.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

Future = asyncio.Future[Any]


class Patience:
    """All wait equally long, so that the one that came first is the next one that is due."""

    def __init__(self, seconds: float, error: Callable[[], Exception]) -> None:
        """`error` makes what each hears that has no answer after `seconds`."""
        self._seconds = seconds
        self._error = error
        self._waiting: deque[tuple[float, Future]] = deque()  # and when it is due
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, waiting: Future) -> None:
        self._forget_done()
        loop = waiting.get_loop()
        due_at = loop.time() + self._seconds
        self._waiting.append((due_at, waiting))
        if self._timer is None:
            self._timer = loop.call_at(due_at, self._end_due, loop)

    def _forget_done(self) -> None:
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()

    def _end_due(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        self._forget_done()
        while self._waiting and self._waiting[0][0] <= now:
            _, waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(self._error())
        if self._waiting:
            self._timer = loop.call_at(self._waiting[0][0], self._end_due, loop)
