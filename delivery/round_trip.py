"""Several commands in one write to Redis, and their replies.

What redis-py's pipelines do, without their layers: those cost more than Redis does. Packing
is hiredis' own. Below `pipelines` and `outbox`; imports redis-py and hiredis.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import hiredis
from redis import ConnectionError as RedisConnectionError
from redis import ResponseError
from redis.asyncio import ConnectionPool

from delivery.redis_pools import ReadyPool
from delivery.replies import Tell, arrived

Command = tuple[bytes | str | int, ...]

pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment]
"""Return it as Redis reads it. Raises UnicodeEncodeError."""


def ask_at_once(
    pool: ConnectionPool, commands: Sequence[bytes], tell: Tell, seconds: float
) -> bool:
    """Send commands over a connection that is open; False = there is none at hand.

    `tell` is called once, without a task, and given what `run_packed` returns or raises.
    """
    if not commands or not isinstance(pool, ReadyPool):
        return False
    taken = pool.take_open()
    if taken is None:
        return False
    connection, replies = taken

    def take(outcome: list[Any] | Exception) -> None:
        end = outcome if isinstance(outcome, Exception) else _end_of(outcome)
        if end is not None:
            connection._close()
        pool.put_back(connection)
        tell(outcome if end is None else end)

    replies.ask(commands, take, seconds)
    return True


async def run_packed(pool: ConnectionPool, commands: Sequence[bytes]) -> list[Any]:
    """Return the replies in order; one that is an error stands among them as it is.

    Raises RedisError, OSError; some commands may have been done then.
    """
    connection = await pool.get_connection()  # type: ignore[no-untyped-call]
    try:
        await connection.send_packed_command(commands)
        replies = await _read(connection, len(commands))
        if (error := _end_of(replies)) is not None:
            raise error
    except BaseException:
        # What is still to come must not be taken for the replies to what is asked next.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)
    return replies


async def _read(connection: Any, count: int) -> list[Any]:
    replies: list[Any] = []
    while len(replies) < count:
        try:
            replies.append(await connection.read_response())
        except ResponseError as error:
            replies.append(error)
        replies += islice(arrived(connection), count - len(replies))
    return replies


def _end_of(replies: Sequence[Any]) -> Exception | None:
    for reply in replies:
        if isinstance(reply, RedisConnectionError):
            return reply
    return None
