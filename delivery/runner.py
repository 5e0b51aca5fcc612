"""Joins what many callers want run, in shared round trips.

What is wanted at the same time goes along in one pipeline, so that a thousand callers
cost Redis and this process little more than one. Between `redis_client`, which makes one
`Runner` an event loop, and `pipelines`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from delivery.exceptions import DeliveryError, RedisUnavailable
from delivery.histograms import SHORT_ENDS, Histogram
from delivery.patience import Patience
from delivery.pipelines import Call, run_where_they_belong
from delivery.redis_outages import OUTAGE_ERRORS
from delivery.redis_servers import OneServer, Servers

ANSWER_SECONDS = 2.0  # a sender hears 503 after this long, whatever Redis hangs in
CALLS_AT_ONCE = 500  # scripts in one round trip; others want their turn in between
BYTES_AT_ONCE = 16 * 1024 * 1024  # of commands; far less than what takes ANSWER_SECONDS
PIPELINES_AT_ONCE = 2  # while Redis runs one, the next is written

T = TypeVar("T")


class Part(NamedTuple):
    """Calls that go along, one after the other; `size` is that of their commands."""

    calls: list[Call]
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
        self._joins = isinstance(servers, OneServer)
        self._waiting: deque[Waiting] = deque()
        self._patience = Patience(ANSWER_SECONDS, _too_late)
        self._tasks: set[asyncio.Task[None]] = set()
        self.times = Histogram(SHORT_ENDS)  # of round trips, those that failed among them

    async def run(self, part: Part) -> list[Any]:
        """Return the replies, which may be errors. Raises RedisUnavailable."""
        if not self._joins:
            return await self._run_now(part.calls)
        waiting = Waiting(part, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._tasks) < PIPELINES_AT_ONCE:
            self._tasks.add(asyncio.create_task(self._run_waiting()))
        self._patience.watch(waiting.replies)
        return await waiting.replies

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.servers.aclose()

    async def _run_waiting(self) -> None:
        try:
            while some := self._take():
                await self._run_some(some)
        finally:
            # Here, not in a callback a turn later: what came in between would wait for nobody.
            self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _run_some(self, some: Sequence[Waiting]) -> None:
        calls = [call for each in some for call in each.part.calls]
        try:
            replies = await self._run_now(calls)
        except RedisUnavailable as error:
            _fail(some, RedisUnavailable, error)
        except Exception as error:  # noqa: BLE001, whoever waits hears of it
            _fail(some, DeliveryError, error)
        else:
            _hand_out(some, replies)

    async def _run_now(self, calls: Sequence[Call]) -> list[Any]:
        began_at = time.perf_counter()
        try:
            return await answered(run_where_they_belong(self.servers, calls))
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


def _too_late() -> RedisUnavailable:
    return RedisUnavailable(describe(TimeoutError()))


def _fail(some: Iterable[Waiting], kind: type[DeliveryError], error: Exception) -> None:
    for each in some:
        if not each.replies.done():
            failure = kind(str(error))
            failure.__cause__ = error
            each.replies.set_exception(failure)


def _hand_out(some: Iterable[Waiting], replies: list[Any]) -> None:
    start = 0
    for each in some:
        end = start + len(each.part.calls)
        if not each.replies.done():
            each.replies.set_result(replies[start:end])
        start = end


async def answered(step: Awaitable[T]) -> T:
    """Raises RedisUnavailable when Redis cannot now, or gives no answer in time."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await step
    except (*OUTAGE_ERRORS, TimeoutError, OSError) as error:
        raise RedisUnavailable(describe(error)) from error


def describe(error: BaseException) -> str:
    return f"Redis: {error}" if str(error) else f"Redis gave no answer in {ANSWER_SECONDS:g} s"
