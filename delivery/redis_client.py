"""The asyncio side of a Redis cache alias, and Lua scripts run over it.

django-redis knows no asyncio; `get_async_redis` is the twin of its
`get_redis_connection`. Below queues; imports what finds the servers, and exceptions.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from redis import exceptions as redis_errors
from redis.asyncio import Redis

from delivery.exceptions import DeliveryError, RedisUnavailable
from delivery.redis_outages import OUTAGE_ERRORS, is_outage
from delivery.redis_servers import OneServer, Servers, build_servers
from delivery.scripts import SHAS, SOURCES

ANSWER_SECONDS = 2.0  # a sender hears 503 after this long, whatever Redis hangs in
CALLS_AT_ONCE = 500  # scripts in one round trip; others want their turn in between
BYTES_AT_ONCE = 16 * 1024 * 1024  # of arguments; far less than what takes ANSWER_SECONDS

STORING_SCRIPTS = frozenset({"append"})  # what is worth waiting for replicas
WAIT_MS = 1000  # for them; within ANSWER_SECONDS
ROUNDS = (
    3  # of a call that a cluster sends elsewhere: right once, wrong twice in a row is an outage
)

_servers: dict[tuple[asyncio.AbstractEventLoop, str], Servers] = {}


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a script."""

    script: str  # a name of SCRIPT_FILES
    keys: tuple[str, ...]
    args: tuple[bytes | str | int, ...]

    @property
    def size(self) -> int:
        """Bytes of what may be long: texts are bytes already, all else is short."""
        return sum(len(arg) for arg in self.args if isinstance(arg, bytes))


def get_async_redis(alias: str) -> Redis:
    """Return the running loop's client of a cache alias; replies are bytes.

    It never retries: a script whose answer was lost may have run, and a second run
    would store its message twice. A cluster has no such client: TypeError.
    """
    servers = _get_servers(alias)
    if not isinstance(servers, OneServer):
        raise TypeError(f"{alias} is a cluster, where each room has a client of its own")
    return servers.client


async def close_async_redis(alias: str) -> None:
    """Close the running loop's connections to a cache alias."""
    servers = _servers.pop((asyncio.get_running_loop(), alias), None)
    if servers is not None:
        await servers.aclose()


async def run_scripts(alias: str, calls: Sequence[Call]) -> list[Any]:
    """Run the scripts in order, in as few round trips as possible; return their replies.

    In order means those of one room: a cluster's masters run theirs side by side.
    Raises RedisUnavailable when Redis does not answer within two seconds, or when too few
    replicas have what was stored. Any number of the calls may have been done then.
    """
    servers = _get_servers(alias)
    try:
        return await _run_all(servers, calls)
    except RedisUnavailable:
        await servers.forget()
        raise


async def ping(alias: str) -> None:
    """Raises RedisUnavailable."""
    servers = _get_servers(alias)
    try:
        async with _answering():
            await servers.ping()
    except RedisUnavailable:
        await servers.forget()
        raise


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Raises RedisUnavailable when Redis cannot now, or gives no answer in time."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield
    except (*OUTAGE_ERRORS, TimeoutError, OSError) as error:
        raise RedisUnavailable(_describe(error)) from error


def _get_servers(alias: str) -> Servers:
    key = asyncio.get_running_loop(), alias
    if key not in _servers:
        _forget_closed_loops()
        _servers[key] = build_servers(settings.CACHES[alias], ANSWER_SECONDS)
    return _servers[key]


async def _run_all(servers: Servers, calls: Sequence[Call]) -> list[Any]:
    replies: list[Any] = []
    for chunk in _split(calls):
        async with _answering():
            replies += await _run_where_they_belong(servers, chunk)
    for call, reply in zip(calls, replies, strict=True):
        _check(call, reply)
    return replies


def _split(calls: Sequence[Call]) -> Iterator[list[Call]]:
    """Cut into round trips."""
    chunk: list[Call] = []
    size = 0
    for call in calls:
        if chunk and (len(chunk) == CALLS_AT_ONCE or size + call.size > BYTES_AT_ONCE):
            yield chunk
            chunk, size = [], 0
        chunk.append(call)
        size += call.size
    if chunk:
        yield chunk


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
    """Run scripts, and load them first where a restart has lost them.

    A pipeline goes on behind a failed call, so only those that found no script run
    again. Should another process load the scripts in the midst of it, the order changes:
    that can cost one needless resync, once a restart.
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
    pipeline = client.pipeline(transaction=False)
    for call in calls:
        sha = SHAS[call.script]
        pipeline.execute_command("EVALSHA", sha, len(call.keys), *call.keys, *call.args)
    if not wait_replicas or STORING_SCRIPTS.isdisjoint(call.script for call in calls):
        return await pipeline.execute(raise_on_error=False)
    pipeline.execute_command("WAIT", wait_replicas, WAIT_MS)
    *replies, count = await pipeline.execute(raise_on_error=False)
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


def _check(call: Call, reply: object) -> None:
    """Tell a Redis that cannot now from a script that is wrong."""
    if not isinstance(reply, Exception):
        return
    if is_outage(reply):
        raise RedisUnavailable(_describe(reply)) from reply
    raise DeliveryError(f"script {call.script} failed: {reply}") from reply


def _describe(error: BaseException) -> str:
    return f"Redis: {error}" if str(error) else f"Redis gave no answer in {ANSWER_SECONDS:g} s"


def _forget_closed_loops() -> None:
    for loop, alias in [key for key in _servers if key[0].is_closed()]:
        del _servers[loop, alias]
