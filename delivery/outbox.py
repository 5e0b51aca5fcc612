"""Announcements on their way out: published in the order of the calls, many in one round trip.

Below `shard`; imports redis-py.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice, repeat
from typing import Any, NamedTuple

from redis import RedisError
from redis.asyncio import ConnectionPool

from delivery.patience import Patience
from delivery.redis_pools import layer_pool
from delivery.round_trip import Command, run_commands

PUBLISHES_PER_PIPELINE = 500

Announcement = tuple[str, bytes]
"""Channel and message."""


class Waiting(NamedTuple):
    """Announcements of one call, and what tells its caller that Redis has them."""

    announcements: Sequence[Announcement]
    published: "asyncio.Future[None]"


class Outbox:
    """A connection to one Redis that publishes."""

    def __init__(self, host: dict[str, Any], timeout_seconds: float) -> None:
        self._host = {**host, "socket_connect_timeout": timeout_seconds, "retry": None}
        self._host["socket_timeout"] = None  # each round trip is bounded as a whole
        self._timeout_seconds = timeout_seconds
        self._patience = Patience(timeout_seconds, TimeoutError)
        self._waiting: deque[Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._pool: ConnectionPool | None = None

    async def publish(self, announcements: Sequence[Announcement]) -> None:
        """Return once Redis has them. Raises RedisError, OSError, within the timeout."""
        published: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(announcements, published))
        if self._task is None:
            self._task = asyncio.create_task(self._publish_all())
        self._patience.watch(published)
        await published

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = None

    async def _publish_all(self) -> None:
        try:
            while self._waiting:
                await self._publish_some()
        finally:
            self._task = None

    async def _publish_some(self) -> None:
        """Send the oldest in one round trip; each caller hears how its own went."""
        some = self._take()
        commands: list[Command] = [
            ("PUBLISH", *announcement) for each in some for announcement in each.announcements
        ]
        try:
            async with asyncio.timeout(self._timeout_seconds):
                replies = iter(await run_commands(self._open_pool(), commands))
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            replies = repeat(error)
        except asyncio.CancelledError:
            for each in some:
                each.published.cancel()
            raise
        for each in some:
            _settle(each.published, islice(replies, len(each.announcements)))

    def _take(self) -> list[Waiting]:
        """Take the oldest; who has given up, while Redis hung, needs no answer."""
        some: list[Waiting] = []
        count = 0
        while self._waiting and count < PUBLISHES_PER_PIPELINE:
            waiting = self._waiting.popleft()
            if not waiting.published.done():
                some.append(waiting)
                count += len(waiting.announcements)
        return some

    def _open_pool(self) -> ConnectionPool:
        if self._pool is None:
            self._pool = layer_pool(self._host)
        return self._pool


def _settle(published: "asyncio.Future[None]", replies: Iterable[object]) -> None:
    errors = [reply for reply in replies if isinstance(reply, Exception)]
    if published.done():
        return
    if errors:
        published.set_exception(errors[0])
    else:
        published.set_result(None)
