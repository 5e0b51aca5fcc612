"""Several commands in one write to Redis, and their replies.

What redis-py's pipelines do, without their layers: those cost more than Redis does. Packing
is hiredis' own. Below `pipelines` and `outbox`; imports redis-py and hiredis.
"""

from collections.abc import Sequence
from typing import Any

import hiredis
from redis import ResponseError
from redis.asyncio import ConnectionPool

Command = tuple[bytes | str | int, ...]


async def run_commands(pool: ConnectionPool, commands: Sequence[Command]) -> list[Any]:
    """Return the replies in order; one that is an error stands among them as it is.

    Raises RedisError, OSError; some commands may have been done then.
    """
    connection = await pool.get_connection()  # type: ignore[no-untyped-call]
    try:
        await connection.send_packed_command([hiredis.pack_command(each) for each in commands])  # type: ignore[arg-type]
        return [await _read(connection) for _ in commands]
    except BaseException:
        # What is still to come must not be taken for the replies to what is asked next.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)


async def _read(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error
