"""Joins what many callers want run, in shared round trips.

What is wanted at the same time goes along in one pipeline, so that a thousand callers
cost Redis and this process little more than one. Between `redis_client`, which makes one
`Runner` an event loop, and `pipelines`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from delivery.calls import Call
from delivery.exceptions import DeliveryError, RedisUnavailable
from delivery.histograms import SHORT_ENDS, Histogram
from delivery.patience import Patience
from delivery.pipelines import (
    is_missing_some,
    run_at_once,
    run_missing,
    run_where_they_belong,
)
from delivery.redis_outages import OUTAGE_ERRORS
from delivery.redis_servers import OneServer, Servers
from delivery.tasks import Tasks
from delivery.turns import do_together

ANSWER_SECONDS = 2.0  # a sender hears 503 after this long, whatever Redis hangs in
CALLS_AT_ONCE = 500  # scripts in one round trip; others want their turn in between
BYTES_AT_ONCE = 16 * 1024 * 1024  # of commands; far less than what takes ANSWER_SECONDS
PIPELINES_AT_ONCE = 2  # while Redis runs one, the next is written

UNAVAILABLE = (RedisUnavailable, *OUTAGE_ERRORS, OSError)  # a TimeoutError is an OSError

T = TypeVar("T")


class Part(NamedTuple):
    """Calls that go along, one after the other; `size` is that of their commands."""

    calls: Sequence[Call]
    size: int


class Waiting(NamedTuple):
    """A part, and what its caller waits for: its replies."""

    part: Part
    replies: "asyncio.Future[list[Any]]"


class Runner:
    """Joins what many callers want run at the same time, in the order in which they came.

    Not on a cluster: there a master that hangs must hold up its own rooms only.
    """

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self._waiting: deque[Waiting] = deque()
        self._patience = Patience(ANSWER_SECONDS, _too_late)
        self._is_due = False  # what waits goes along in the next turn
        self._running: list[Sequence[Waiting]] = []  # pipelines
        self._tasks = Tasks()
        self._has_ended = False
        self.times = Histogram(SHORT_ENDS)  # of round trips, those that failed among them

    async def run(self, part: Part) -> list[Any]:
        """Return the replies, which may be errors. Raises RedisUnavailable."""
        if self._has_ended:
            raise _ended()
        if not isinstance(self.servers, OneServer):
            return await self._run_now(run_where_they_belong(self.servers, part.calls))
        loop = asyncio.get_running_loop()
        waiting = Waiting(part, loop.create_future())
        self._waiting.append(waiting)
        if not self._is_due and len(self._running) < PIPELINES_AT_ONCE:
            self._is_due = True
            do_together(loop, self._run_waiting, self.servers)
        self._patience.watch(waiting.replies)
        return await waiting.replies

    async def aclose(self) -> None:
        """Whoever asks from now on is refused: a connection made for them would stay open."""
        self._has_ended = True
        waiting, self._waiting = self._waiting, deque()
        for some in (*self._running, waiting):
            _hand_out(some, _ended())
        await self._tasks.cancel()
        await self.servers.aclose()

    def _run_waiting(self, server: OneServer) -> None:
        self._is_due = False
        while len(self._running) < PIPELINES_AT_ONCE and (some := self._take()):
            self._running.append(some)
            self._run_some(server, some)

    def _run_some(self, server: OneServer, some: Sequence[Waiting]) -> None:
        """Without a task where a connection is at hand."""
        calls = [call for each in some for call in each.part.calls]
        began_at = time.perf_counter()

        def take(outcome: list[Any] | Exception) -> None:
            self.times.observe(time.perf_counter() - began_at)
            if isinstance(outcome, list) and is_missing_some(outcome):
                rest = partial(run_missing, server, server.client, calls, outcome)
                self._tasks.start(self._finish(some, rest))
            else:
                self._end(some, outcome)

        try:
            is_sent = run_at_once(server, calls, take, ANSWER_SECONDS)
        except UnicodeEncodeError as error:
            self._end(some, error)
            return
        if not is_sent:
            self._tasks.start(self._finish(some, partial(run_where_they_belong, server, calls)))

    async def _finish(
        self, some: Sequence[Waiting], run: Callable[[], Awaitable[list[Any]]]
    ) -> None:
        outcome: list[Any] | Exception
        try:
            outcome = await self._run_now(run())
        except Exception as error:  # noqa: BLE001, whoever waits hears of it
            outcome = error
        self._end(some, outcome)

    def _end(self, some: Sequence[Waiting], outcome: list[Any] | Exception) -> None:
        self._running.remove(some)
        _hand_out(some, outcome)
        if isinstance(self.servers, OneServer):
            self._run_waiting(self.servers)

    async def _run_now(self, run: Awaitable[list[Any]]) -> list[Any]:
        began_at = time.perf_counter()
        try:
            return await answered(run)
        except RedisUnavailable:
            await self.servers.forget()
            raise
        finally:
            self.times.observe(time.perf_counter() - began_at)

    def _take(self) -> list[Waiting]:
        """Take the oldest as long as they fit; who has given up needs no answer."""
        some: list[Waiting] = []
        calls = size = 0
        while self._waiting:
            first = self._waiting[0]
            calls, size = calls + len(first.part.calls), size + first.part.size
            if some and (calls > CALLS_AT_ONCE or size > BYTES_AT_ONCE):
                break
            self._waiting.popleft()
            if not first.replies.done():
                some.append(first)
        return some


def _ended() -> RedisUnavailable:
    return RedisUnavailable("Redis: the service ends")


def _too_late() -> RedisUnavailable:
    return RedisUnavailable(describe(TimeoutError()))


def _hand_out(some: Iterable[Waiting], outcome: list[Any] | Exception) -> None:
    start = 0
    for each in some:
        end = start + len(each.part.calls)
        if each.replies.done():
            pass
        elif isinstance(outcome, list):
            each.replies.set_result(outcome[start:end])
        else:
            each.replies.set_exception(_failure(outcome))
        start = end


def _failure(error: Exception) -> DeliveryError:
    """One for each caller: its traceback is the caller's own."""
    kind = RedisUnavailable if isinstance(error, UNAVAILABLE) else DeliveryError
    failure = kind(str(error) if isinstance(error, DeliveryError) else describe(error))
    failure.__cause__ = error
    return failure


async def answered(step: Awaitable[T]) -> T:
    """Raises RedisUnavailable when Redis cannot now, or gives no answer in time."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await step
    except (*OUTAGE_ERRORS, OSError) as error:  # a TimeoutError is an OSError
        raise RedisUnavailable(describe(error)) from error


def describe(error: BaseException) -> str:
    return f"Redis: {error}" if str(error) else f"Redis gave no answer in {ANSWER_SECONDS:g} s"
