"""Redis: is it there, quick, in time, and fit to keep messages? Imports redis-py."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from delivery.redis_servers import OneServer, build_servers
from sioweb_project.doctor.clock import compare
from sioweb_project.doctor.findings import Finding, fail, ok, warn
from sioweb_project.doctor.redis_figures import look_at_figures
from sioweb_project.redis_address import RedisAddress, parse_redis_url

ANSWER_SECONDS = 3.0
PINGS = 20
SLOW_MS = 5.0  # each message waits for a round trip or two
TOO_SLOW_MS = 100.0

Named = tuple[str, Redis]


async def examine() -> list[Finding]:
    return await examine_at(settings.REDIS_URL)


async def examine_at(url: str) -> list[Finding]:
    address = parse_redis_url(url)
    found: list[Finding] = []
    async for name, client in _servers(address):
        async with client:
            found += await _examine_server(name, client, address)
    return [*found, *await _examine_masters()] if address.is_cluster else found


async def _examine_masters() -> list[Finding]:
    """Of a cluster, those that are not listed, too."""
    servers = build_servers(settings.CACHES[settings.QUEUES_CACHE], ANSWER_SECONDS)
    try:
        async with asyncio.timeout(2 * ANSWER_SECONDS):
            await servers.ping()
    except (RedisError, OSError) as error:
        mend = (
            "redis-cli --cluster check HOST:PORT says which; start it, or let a replica take over."
        )
        return [fail("redis cluster", f"not every master answers: {error}", mend)]
    finally:
        await servers.aclose()
    return [ok("redis cluster", "every master answers")]


async def _servers(address: RedisAddress) -> AsyncIterator[Named]:
    """Every listed node of a cluster, the master of a Sentinel service, or the one server."""
    cache = settings.CACHES[settings.QUEUES_CACHE]
    if address.is_cluster:
        keywords = cache["OPTIONS"]["CONNECTION_POOL_KWARGS"] | _timeouts()
        for host, port in address.nodes:
            yield f"{host}:{port}", Redis(host=host, port=port, **keywords)
    elif address.nodes:
        servers = build_servers(cache, ANSWER_SECONDS)
        if isinstance(servers, OneServer):
            yield f"the master of {address.service}", servers.client
    else:
        name = address.path or f"{address.host}:{address.port}"
        yield name, Redis.from_url(address.url, **_timeouts())


def _timeouts() -> dict[str, Any]:
    once = Retry(NoBackoff(), retries=0)
    timeouts = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
    return {**timeouts, "retry": once}


async def _examine_server(name: str, client: Redis, address: RedisAddress) -> list[Finding]:
    try:
        async with asyncio.timeout(2 * ANSWER_SECONDS):
            reach = await _latency(name, client)
            info: dict[str, Any] = await client.info()
            seconds, microseconds = await client.time()
    except (RedisError, OSError) as error:  # a TimeoutError is an OSError
        return [_out_of_reach(name, error, is_one_of_many=address.is_cluster)]
    clock = compare(f"{name}'s clock", seconds + microseconds / 1e6)
    return [reach, clock, *look_at_figures(name, info, address.db)]


async def _latency(name: str, client: Redis) -> Finding:
    times = []
    for _ in range(PINGS):
        began_at = time.perf_counter()
        await client.ping()
        times.append((time.perf_counter() - began_at) * 1000)
    middle = statistics.median(times)
    text = f"{name} answers within {middle:.1f} ms"
    mend = "Have Redis on this machine, or in this network, and see what else it has to do: "
    mend += "redis-cli --latency; redis-cli SLOWLOG GET 10"
    if middle > TOO_SLOW_MS:
        return fail("redis", text, mend)
    return warn("redis", text, mend) if middle > SLOW_MS else ok("redis", text)


def _out_of_reach(name: str, error: Exception, *, is_one_of_many: bool) -> Finding:
    if isinstance(error, AuthenticationError | NoPermissionError):
        return fail(
            "redis",
            f"{name} does not accept the password, or the user may not ask for INFO",
            "Correct redis in config.yml, or SIOWEB_REDIS_URL.",
        )
    is_late = isinstance(error, TimeoutError | RedisTimeout)
    reason = "no answer in time" if is_late else str(error)
    kind = warn if is_one_of_many else fail
    return kind(
        "redis",
        f"{name} cannot be reached: {reason}",
        "Is it running? systemctl status redis-server. Is redis in config.yml, or "
        "SIOWEB_REDIS_URL, where it is?",
    )
