"""The asyncio side of a Redis cache alias, and Lua scripts run over it.

django-redis knows no asyncio; `get_async_redis` is the twin of its
`get_redis_connection`. Below queues; imports only exceptions.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from redis import exceptions as redis_errors
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from delivery.exceptions import DeliveryError, RedisUnavailable

ANSWER_SECONDS = 2.0  # a sender hears 503 after this long, whatever Redis hangs in
MAX_CONNECTIONS = 32  # Redis runs one script at a time: more would only wait there
CALLS_AT_ONCE = 500  # scripts in one round trip; others want their turn in between
BYTES_AT_ONCE = 16 * 1024 * 1024  # of arguments; far less than what takes ANSWER_SECONDS

LUA_DIR = Path(__file__).parent / "lua"
SCRIPT_FILES = {
    "append": ("common", "append"),
    "open": ("common", "lease", "backlog", "open"),
    "read": ("common", "backlog", "read"),
    "acknowledge": ("common", "acknowledge"),
    "take_resync": ("common", "take_resync"),
    "renew": ("common", "lease", "renew"),
    "release": ("common", "lease", "release"),
    "clear": ("common", "clear"),
    "claim": ("claim",),
    "settle": ("settle",),
}

# The server is there but cannot do it now. What has no class in redis-py comes as a bare
# ResponseError that begins with the code.
UNAVAILABLE_ERRORS = (
    redis_errors.ConnectionError,
    redis_errors.TimeoutError,
    redis_errors.ReadOnlyError,
    redis_errors.ClusterDownError,
    redis_errors.TryAgainError,
    redis_errors.OutOfMemoryError,
)
UNAVAILABLE_CODES = ("BUSY ", "MISCONF ", "NOREPLICAS ", "UNKILLABLE ")

_clients: dict[tuple[asyncio.AbstractEventLoop, str], Redis] = {}


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
    would store its message twice.
    """
    loop = asyncio.get_running_loop()
    client = _clients.get((loop, alias))
    if client is None:
        _forget_closed_loops()
        client = _clients[loop, alias] = Redis.from_pool(_build_pool(alias))
    return client


async def close_async_redis(alias: str) -> None:
    """Close the running loop's connections to a cache alias."""
    client = _clients.pop((asyncio.get_running_loop(), alias), None)
    if client is not None:
        await client.aclose()


async def run_scripts(alias: str, calls: Sequence[Call]) -> list[Any]:
    """Run the scripts in order, in as few round trips as possible; return their replies.

    Raises RedisUnavailable when Redis does not answer within two seconds. Any number
    of the calls may have been done then.
    """
    replies: list[Any] = []
    for chunk in _split(calls):
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                replies += await _run_loaded(get_async_redis(alias), chunk)
        except (*UNAVAILABLE_ERRORS, TimeoutError, OSError) as error:
            raise RedisUnavailable(_describe(error)) from error
    for call, reply in zip(calls, replies, strict=True):
        _check(call, reply)
    return replies


async def ping(alias: str) -> None:
    """Raises RedisUnavailable."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await get_async_redis(alias).ping()
    except (*UNAVAILABLE_ERRORS, TimeoutError, OSError) as error:
        raise RedisUnavailable(_describe(error)) from error


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


async def _run_loaded(client: Redis, calls: Sequence[Call]) -> list[Any]:
    """Run scripts, and load them first where a restart has lost them.

    A pipeline goes on behind a failed call, so only those that found no script run
    again. Should another process load the scripts in the midst of it, the order changes:
    that can cost one needless resync, once a restart.
    """
    replies = await _run_pipeline(client, calls)
    missing = [i for i, reply in enumerate(replies) if _is_not_loaded(reply)]
    if not missing:
        return replies
    await _load_scripts(client)
    again = await _run_pipeline(client, [calls[i] for i in missing])
    for i, reply in zip(missing, again, strict=True):
        replies[i] = reply
    return replies


async def _run_pipeline(client: Redis, calls: Sequence[Call]) -> list[Any]:
    pipeline = client.pipeline(transaction=False)
    for call in calls:
        sha = SHAS[call.script]
        pipeline.execute_command("EVALSHA", sha, len(call.keys), *call.keys, *call.args)
    return await pipeline.execute(raise_on_error=False)


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
    if isinstance(reply, UNAVAILABLE_ERRORS) or str(reply).startswith(UNAVAILABLE_CODES):
        raise RedisUnavailable(_describe(reply)) from reply
    raise DeliveryError(f"script {call.script} failed: {reply}") from reply


def _describe(error: BaseException) -> str:
    return f"Redis: {error}" if str(error) else f"Redis gave no answer in {ANSWER_SECONDS:g} s"


def _build_pool(alias: str) -> BlockingConnectionPool:
    cache: Any = settings.CACHES[alias]
    options, location = cache.get("OPTIONS", {}), cache["LOCATION"]
    wanted = {
        **options.get("CONNECTION_POOL_KWARGS", {}),
        "max_connections": MAX_CONNECTIONS,
        "timeout": ANSWER_SECONDS,
        "socket_connect_timeout": ANSWER_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), retries=0),
        "protocol": 2,
    }
    if "PASSWORD" in options:
        wanted["password"] = options["PASSWORD"]
    url = location if isinstance(location, str) else location[0]
    return BlockingConnectionPool.from_url(url, **wanted)


def _forget_closed_loops() -> None:
    for loop, alias in [key for key in _clients if key[0].is_closed()]:
        del _clients[loop, alias]


def _read_source(name: str) -> str:
    return "".join((LUA_DIR / f"{part}.lua").read_text() for part in SCRIPT_FILES[name])


def _sha(source: str) -> str:
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


SOURCES = {name: _read_source(name) for name in SCRIPT_FILES}
SHAS = {name: _sha(source) for name, source in SOURCES.items()}
