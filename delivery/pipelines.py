"""Lua scripts, each run on the server of its room, all of a server's in one pipeline.

Below `runner`; imports redis-py.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import MovedError, NoScriptError

from delivery.calls import Call, commands_of, replies_of
from delivery.exceptions import RedisUnavailable
from delivery.redis_servers import ClusterServers, OneServer, Servers
from delivery.replies import Tell
from delivery.round_trip import ask_at_once, pack, run_packed
from delivery.scripts import SOURCES

# What is worth waiting for replicas: what stores a message, and what may find that some are
# lost. A master that was replaced, and does not know it yet, would find that of every room.
WAITING_SCRIPTS = frozenset({"append", "append_once", "open", "read", "renew"})
WAIT_MS = 1000  # for them; within the runner's ANSWER_SECONDS
# Of a call that a cluster sends elsewhere: right once, wrong twice in a row is an outage.
ROUNDS = 3


async def run_where_they_belong(servers: Servers, calls: Sequence[Call]) -> list[Any]:
    """Run each script on its room's server; one that was moved has not run, and goes there."""
    if isinstance(servers, OneServer):
        return await _run_loaded(servers, servers.client, calls)
    replies: list[Any] = [None] * len(calls)
    left = list(range(len(calls)))
    for _ in range(ROUNDS):
        await _run_side_by_side(servers, calls, left, replies)
        left = [i for i in left if isinstance(replies[i], MovedError)]
        if not left:
            break
        await servers.follow(replies[left[0]])
    return replies


def run_at_once(servers: OneServer, calls: Sequence[Call], tell: Tell, seconds: float) -> bool:
    """Have `tell` given the replies as soon as they come; False = that takes a task. What found no
    script stands among them with its NoScriptError, for `run_missing`."""
    if servers.wait_replicas:
        return False
    commands = commands_of(calls, servers.rooms_at_once)

    def take(outcome: list[Any] | Exception) -> None:
        tell(outcome if isinstance(outcome, Exception) else replies_of(commands, outcome))

    packed = [command.packed for command in commands]
    return ask_at_once(servers.client.connection_pool, packed, take, seconds)


def is_missing_some(replies: Sequence[Any]) -> bool:
    return NoScriptError in map(type, replies)


async def _run_side_by_side(
    servers: ClusterServers, calls: Sequence[Call], left: Sequence[int], replies: list[Any]
) -> None:
    """Fill in the replies of the calls that are left; one pipeline for each server."""
    clients = await servers.locate(calls[i].key for i in left)
    places: dict[Redis, list[int]] = defaultdict(list)
    for i, client in zip(left, clients, strict=True):
        places[client].append(i)
    runs = [_run_loaded(servers, client, [calls[i] for i in own]) for client, own in places.items()]
    if len(runs) == 1:
        results: list[Any] = [await runs[0]]
    else:  # to the end each: one server's failure shall not cut the others short
        results = await asyncio.gather(*runs, return_exceptions=True)
    for own, result in zip(places.values(), results, strict=True):
        if isinstance(result, BaseException):
            raise result
        for i, reply in zip(own, result, strict=True):
            replies[i] = reply


async def _run_loaded(servers: Servers, client: Redis, calls: Sequence[Call]) -> list[Any]:
    """Run scripts, and load them where they were lost.

    Each connection begins with loading them, so this is for a SCRIPT FLUSH. A pipeline goes
    on behind a failed call, so only those that found no script run again. Should another
    process load the scripts in the midst of it, the order changes.
    """
    replies = await _run_pipeline(servers, client, calls)
    if not is_missing_some(replies):
        return replies
    return await run_missing(servers, client, calls, replies)


async def run_missing(
    servers: Servers, client: Redis, calls: Sequence[Call], replies: list[Any]
) -> list[Any]:
    """Load the scripts, run the calls that found none, and fill in their replies."""
    missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    await _load_scripts(client)
    again = await _run_pipeline(servers, client, [calls[i] for i in missing])
    for i, reply in zip(missing, again, strict=True):
        replies[i] = reply
    return replies


async def _run_pipeline(servers: Servers, client: Redis, calls: Sequence[Call]) -> list[Any]:
    commands = commands_of(calls, servers.rooms_at_once)
    packed, wanted = [command.packed for command in commands], servers.wait_replicas
    if not wanted or WAITING_SCRIPTS.isdisjoint(call.script for call in calls):
        return replies_of(commands, await run_packed(client.connection_pool, packed))
    packed.append(pack(("WAIT", wanted, WAIT_MS)))
    *answers, count = await run_packed(client.connection_pool, packed)
    replies = replies_of(commands, answers)
    # Where scripts are missing, what runs next waits for these replies' writes as well.
    if not is_missing_some(replies):
        _check_replicas(count, wanted)
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
