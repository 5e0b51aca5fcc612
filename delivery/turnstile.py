"""Lets a crowd through a few at a time, so that the event loop has turns left for others.

A thousand clients that connect, or leave, in the same moment are a second's work. Done at
once it would hold up every message; here it waits in the order of arrival. Imports
nothing of the project.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

logger = logging.getLogger(__name__)

# Between two turns: the loop comes to an end of what it has, and others find it free. With none
# a message, which takes ten turns of the loop on its way through, waits in each of them.
REST_SECONDS = 0.001
BUSY_SECONDS = 0.002  # a turn that comes so late lets nobody pass: the loop is behind,
LONGEST_PAUSE_SECONDS = 0.01  # but one in so long: on a slow machine it always is

# Together they share round trips to Redis and turns of the loop: a quarter less work for each.
TOGETHER = 4

Pass = Callable[[], None]


class Turnstile:
    """Work that may wait: a few with each turn, in and out alternating, so that a crowd that leaves
    holds up nobody who comes. Each way is in order."""

    def __init__(self) -> None:
        self._coming: deque[Pass] = deque()
        self._leaving: deque[Pass] = deque()
        self._has_let_in = False  # the last time
        self._is_turning = False
        self._due_at = 0.0
        self._passed_at = 0.0

    def __len__(self) -> int:
        return len(self._coming) + len(self._leaving)

    def enter(self, work: Pass) -> None:
        self._coming.append(work)
        self._start()

    def leave(self, work: Pass) -> None:
        self._leaving.append(work)
        self._start()

    def _start(self) -> None:
        if not self._is_turning:
            self._is_turning = True
            self._turn_soon()

    def _turn_soon(self) -> None:
        loop = asyncio.get_running_loop()
        self._due_at = loop.time() + REST_SECONDS
        loop.call_later(REST_SECONDS, self._turn)

    def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        is_busy = now - self._due_at > BUSY_SECONDS
        if not is_busy or now - self._passed_at > LONGEST_PAUSE_SECONDS:
            self._passed_at = now
            for _ in range(min(TOGETHER, len(self))):
                self._pass(self._take())
        self._is_turning = len(self) > 0
        if self._is_turning:
            self._turn_soon()

    def _take(self) -> Pass:
        is_in = bool(self._coming) and not (self._leaving and self._has_let_in)
        self._has_let_in = is_in
        return (self._coming if is_in else self._leaving).popleft()

    def _pass(self, work: Pass) -> None:
        try:
            work()
        except Exception:
            logger.exception("A connection failed on its way in or out")
