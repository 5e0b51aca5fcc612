"""The asyncio side of a Redis cache alias, and Lua scripts run over it.

django-redis knows no asyncio; `get_async_redis` is the twin of its
`get_redis_connection`. Below queues; imports what finds the servers, and exceptions.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from redis.asyncio import Redis

from delivery.calls import Call
from delivery.exceptions import DeliveryError, RedisUnavailable
from delivery.histograms import Histogram
from delivery.redis_outages import is_outage
from delivery.redis_servers import OneServer, build_servers
from delivery.runner import (
    ANSWER_SECONDS,
    BYTES_AT_ONCE,
    CALLS_AT_ONCE,
    Part,
    Runner,
    answered,
    describe,
)

QUEUES: str = settings.QUEUES_CACHE  # the alias of all that the service has in Redis
SMALL_BYTES = 500  # what a call counts as besides its long arguments

_runners: dict[tuple[asyncio.AbstractEventLoop, str], Runner] = {}


def get_async_redis(alias: str) -> Redis:
    """Return the running loop's client of a cache alias; replies are bytes.

    It never retries: a script whose answer was lost may have run, and a second run
    would store its message twice. A cluster has no such client: TypeError.
    """
    servers = _get_runner(alias).servers
    if not isinstance(servers, OneServer):
        raise TypeError(f"{alias} is a cluster, where each room has a client of its own")
    return servers.client


async def close_async_redis(alias: str) -> None:
    """Close the running loop's connections to a cache alias; who asks meanwhile is refused."""
    key = asyncio.get_running_loop(), alias
    runner = _runners.get(key)
    if runner is None:
        return
    try:
        await runner.aclose()
    finally:
        if _runners.get(key) is runner:  # else somebody else has closed it, too
            del _runners[key]


async def run_scripts(alias: str, calls: Sequence[Call]) -> list[Any]:
    """Run the scripts in order, in as few round trips as possible; return their replies.

    In order means those of one room: a cluster's masters run theirs side by side.
    Calls of others may go along. Raises RedisUnavailable when Redis does not answer within
    two seconds, or when too few replicas have what was stored. Any number of the calls may
    have been done then.
    """
    runner = _get_runner(alias)
    replies: list[Any] = []
    for part in _split(calls):
        replies += await runner.run(part)
    for i, reply in enumerate(replies):
        if isinstance(reply, Exception):
            raise _failure(calls[i], reply) from reply
    return replies


async def ping(alias: str) -> None:
    """Raises RedisUnavailable."""
    servers = _get_runner(alias).servers
    try:
        await answered(servers.ping())
    except RedisUnavailable:
        await servers.forget()
        raise


def round_trips() -> Histogram:
    """How long Redis has taken for the scripts of the running loop."""
    return _get_runner(QUEUES).times


def _get_runner(alias: str) -> Runner:
    key = asyncio.get_running_loop(), alias
    if key not in _runners:
        _forget_closed_loops()
        _runners[key] = Runner(build_servers(settings.CACHES[alias], ANSWER_SECONDS))
    return _runners[key]


def _split(calls: Sequence[Call]) -> Iterator[Part]:
    """Cut into round trips."""
    some: list[Call] = []
    size = 0
    for call in calls:
        own = call.size + SMALL_BYTES
        if some and (len(some) == CALLS_AT_ONCE or size + own > BYTES_AT_ONCE):
            yield Part(some, size)
            some, size = [], 0
        some.append(call)
        size += own
    if some:
        yield Part(some, size)


def _failure(call: Call, error: Exception) -> DeliveryError:
    """Tell a Redis that cannot now from a script that is wrong."""
    if is_outage(error):
        return RedisUnavailable(describe(error))
    return DeliveryError(f"script {call.script} failed: {error}")


def _forget_closed_loops() -> None:
    for loop, alias in [key for key in _runners if key[0].is_closed()]:
        del _runners[loop, alias]
