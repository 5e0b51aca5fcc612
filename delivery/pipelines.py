"""Lua scripts of many callers, run in shared round trips.

What is wanted at the same time goes along in one pipeline, so that a thousand callers
cost Redis and this process little more than one. Below redis_client, which makes one
`Runner` an event loop.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from redis import exceptions as redis_errors
from redis.asyncio import Redis

from delivery.exceptions import DeliveryError, RedisUnavailable
from delivery.histograms import SHORT_ENDS, Histogram
from delivery.redis_outages import OUTAGE_ERRORS
from delivery.redis_servers import OneServer, Servers
from delivery.round_trip import Command, run_commands
from delivery.scripts import SHAS, SOURCES

ANSWER_SECONDS = 2.0  # a sender hears 503 after this long, whatever Redis hangs in
CALLS_AT_ONCE = 500  # scripts in one round trip; others want their turn in between
BYTES_AT_ONCE = 16 * 1024 * 1024  # of arguments; far less than what takes ANSWER_SECONDS
# What is worth waiting for replicas: what stores a message, and what may find that some are
# lost. A master that was replaced, and does not know it yet, would find that of every room.
WAITING_SCRIPTS = frozenset({"append", "open", "read", "renew"})
WAIT_MS = 1000  # for them; within ANSWER_SECONDS
# Of a call that a cluster sends elsewhere: right once, wrong twice in a row is an outage.
ROUNDS = 3
PIPELINES_AT_ONCE = 2  # while Redis runs one, the next is written


class Call(NamedTuple):
    """One run of a script."""

    script: str  # a name of SCRIPT_FILES
    keys: tuple[str, ...]
    args: tuple[bytes | str | int, ...]

    @property
    def size(self) -> int:
        """Bytes of what may be long: texts are bytes already, all else is short."""
        return sum(len(arg) for arg in self.args if isinstance(arg, bytes))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Calls that belong together, and what their caller waits for: their replies."""

    calls: list[Call]
    replies: "asyncio.Future[list[Any]]"


class Runner:
    """Joins what many callers want run at the same time, in the order in which they came.

    Not on a cluster: there a master that hangs must hold up its own rooms only.
    """

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self._joins = isinstance(servers, OneServer)
        self._waiting: deque[Waiting] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self.times = Histogram(SHORT_ENDS)  # of round trips, those that failed among them

    async def run(self, calls: list[Call]) -> list[Any]:
        """Return the replies, which may be errors. Raises RedisUnavailable."""
        if not self._joins:
            return await self._run_now(calls)
        loop = asyncio.get_running_loop()
        waiting = Waiting(calls, loop.create_future())
        self._waiting.append(waiting)
        if len(self._tasks) < PIPELINES_AT_ONCE:
            self._tasks.add(asyncio.create_task(self._run_waiting()))
        in_time = loop.call_later(ANSWER_SECONDS, _give_up, waiting)
        try:
            return await waiting.replies
        finally:
            in_time.cancel()

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
        calls = [call for each in some for call in each.calls]
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
            async with answering():
                return await _run_where_they_belong(self.servers, calls)
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
            calls, size = calls + len(first.calls), size + sum(call.size for call in first.calls)
            if some and (calls > CALLS_AT_ONCE or size > BYTES_AT_ONCE):
                break
            self._waiting.popleft()
            if not first.replies.done():
                some.append(first)
        return some


def _give_up(waiting: Waiting) -> None:
    if not waiting.replies.done():
        waiting.replies.set_exception(RedisUnavailable(describe(TimeoutError())))


def _fail(some: Iterable[Waiting], kind: type[DeliveryError], error: Exception) -> None:
    for each in some:
        if not each.replies.done():
            failure = kind(str(error))
            failure.__cause__ = error
            each.replies.set_exception(failure)


def _hand_out(some: Iterable[Waiting], replies: Sequence[Any]) -> None:
    start = 0
    for each in some:
        end = start + len(each.calls)
        if not each.replies.done():
            each.replies.set_result(list(replies[start:end]))
        start = end


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """Raises RedisUnavailable when Redis cannot now, or gives no answer in time."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield
    except (*OUTAGE_ERRORS, TimeoutError, OSError) as error:
        raise RedisUnavailable(describe(error)) from error


def describe(error: BaseException) -> str:
    return f"Redis: {error}" if str(error) else f"Redis gave no answer in {ANSWER_SECONDS:g} s"


async def _run_where_they_belong(servers: Servers, calls: Sequence[Call]) -> list[Any]:
    """Run each script on its room's server; one that was moved has not run, and goes there."""
    replies: list[Any] = [None] * len(calls)
    left = list(range(len(calls)))
    for _ in range(ROUNDS):
        await _run_side_by_side(servers, calls, left, replies)
        left = [i for i in left if isinstance(replies[i], redis_errors.MovedError)]
        if not left:
            break
        await servers.follow(replies[left[0]])
    return replies


async def _run_side_by_side(
    servers: Servers, calls: Sequence[Call], left: Sequence[int], replies: list[Any]
) -> None:
    """Fill in the replies of the calls that are left; one pipeline for each server."""
    clients = await servers.locate(calls[i].keys[0] for i in left)
    places: dict[Redis, list[int]] = defaultdict(list)
    for i, client in zip(left, clients, strict=True):
        places[client].append(i)
    runs = [
        _run_loaded(client, [calls[i] for i in own], servers.wait_replicas)
        for client, own in places.items()
    ]
    if len(runs) == 1:
        results: list[Any] = [await runs[0]]
    else:  # to the end each: one server's failure shall not cut the others short
        results = await asyncio.gather(*runs, return_exceptions=True)
    for own, result in zip(places.values(), results, strict=True):
        if isinstance(result, BaseException):
            raise result
        for i, reply in zip(own, result, strict=True):
            replies[i] = reply


async def _run_loaded(client: Redis, calls: Sequence[Call], wait_replicas: int = 0) -> list[Any]:
    """Run scripts, and load them where they were lost.

    Each connection begins with loading them, so this is for a SCRIPT FLUSH. A pipeline goes
    on behind a failed call, so only those that found no script run again. Should another
    process load the scripts in the midst of it, the order changes.
    """
    replies = await _run_pipeline(client, calls, wait_replicas)
    missing = [i for i, reply in enumerate(replies) if _is_not_loaded(reply)]
    if not missing:
        return replies
    await _load_scripts(client)
    again = await _run_pipeline(client, [calls[i] for i in missing], wait_replicas)
    for i, reply in zip(missing, again, strict=True):
        replies[i] = reply
    return replies


async def _run_pipeline(client: Redis, calls: Sequence[Call], wait_replicas: int = 0) -> list[Any]:
    commands: list[Command] = [
        ("EVALSHA", SHAS[call.script], len(call.keys), *call.keys, *call.args) for call in calls
    ]
    if not wait_replicas or WAITING_SCRIPTS.isdisjoint(call.script for call in calls):
        return await run_commands(client.connection_pool, commands)
    commands.append(("WAIT", wait_replicas, WAIT_MS))
    *replies, count = await run_commands(client.connection_pool, commands)
    # Where scripts are missing, what runs next waits for these replies' writes as well.
    if not any(map(_is_not_loaded, replies)):
        _check_replicas(count, wait_replicas)
    return replies


def _check_replicas(count: object, wanted: int) -> None:
    """`count` is the answer of WAIT."""
    if not isinstance(count, int) or count < wanted:
        raise RedisUnavailable(f"Redis: {count} of {wanted} replicas have the message")


async def _load_scripts(client: Redis) -> None:
    pipeline = client.pipeline(transaction=False)
    for source in SOURCES.values():
        pipeline.execute_command("SCRIPT LOAD", source)
    await pipeline.execute()


def _is_not_loaded(reply: object) -> bool:
    return isinstance(reply, redis_errors.NoScriptError)
