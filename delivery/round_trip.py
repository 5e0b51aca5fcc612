"""Several commands in one write to Redis, and their replies.

What redis-py's pipelines do, without their layers: those cost more than Redis does. Packing
is hiredis' own. Below `pipelines`, `outbox` and `subscription`; imports redis-py and hiredis.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import hiredis
from redis import ConnectionError as RedisConnectionError
from redis import ResponseError
from redis.asyncio import ConnectionPool

try:  # a private name: without it each reply is read for itself
    from redis._parsers.hiredis import NOT_ENOUGH_DATA
except ImportError:
    NOT_ENOUGH_DATA = None

Command = tuple[bytes | str | int, ...]

pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment]
"""Return it as Redis reads it. Raises UnicodeEncodeError."""


async def run_commands(pool: ConnectionPool, commands: Sequence[Command]) -> list[Any]:
    """See `run_packed`."""
    return await run_packed(pool, [pack(each) for each in commands])


async def run_packed(pool: ConnectionPool, commands: Sequence[bytes]) -> list[Any]:
    """Return the replies in order; one that is an error stands among them as it is.

    Raises RedisError, OSError; some commands may have been done then.
    """
    connection = await pool.get_connection()  # type: ignore[no-untyped-call]
    try:
        await connection.send_packed_command(commands)
        return await _read(connection, len(commands))
    except BaseException:
        # What is still to come must not be taken for the replies to what is asked next.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)


def arrived(connection: Any) -> Iterator[Any]:
    """What has come in full with what was read before, errors among it, without redis-py's
    layers around each reply: they take most of its time. Nothing, where it has other parts."""
    reader = getattr(getattr(connection, "_parser", None), "_reader", None)
    if NOT_ENOUGH_DATA is None or not isinstance(reader, hiredis.Reader):
        return iter(())
    return iter(reader.gets, NOT_ENOUGH_DATA)


async def _read(connection: Any, count: int) -> list[Any]:
    replies: list[Any] = []
    while len(replies) < count:
        try:
            replies.append(await connection.read_response())
        except ResponseError as error:
            replies.append(error)
        replies += islice(arrived(connection), count - len(replies))
    for reply in replies:
        if isinstance(reply, RedisConnectionError):
            raise reply
    return replies
