"""Ends what has waited too long: one timer for all that wait, not one for each.

For `runner`, `outbox` and `joins`; `wait_until`, where each waits for as long as it may, for the
calls of sites. Imports nothing of the project.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

Future = asyncio.Future[Any]
T = TypeVar("T")


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
            _end(waiting, self._error)
        if self._waiting:
            self._timer = loop.call_at(self._waiting[0][0], self._end_due, loop)


async def wait_until(waiting: "asyncio.Future[T]", due_at: float) -> T:
    """Return its result. Raises TimeoutError when it has none by then, by the loop's time: for
    less than `asyncio.timeout_at` takes."""
    timer = waiting.get_loop().call_at(due_at, _end, waiting, TimeoutError)
    try:
        return await waiting
    finally:
        timer.cancel()


def _end(waiting: Future, error: Callable[[], Exception]) -> None:
    if not waiting.done():
        waiting.set_exception(error())
