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
from delivery.round_trip import ask_at_once, pack, run_packed
from delivery.tasks import Tasks
from delivery.turns import do_together

PUBLISHES_PER_PIPELINE = 500

Announcement = tuple[str, bytes]
"""Channel and message."""


class Waiting(NamedTuple):
    """The commands of one call, and what tells its caller that Redis has them."""

    commands: Sequence[bytes]
    published: "asyncio.Future[None]"


class Outbox:
    """A connection to one Redis that publishes."""

    def __init__(self, host: dict[str, Any], timeout_seconds: float) -> None:
        self._host = {**host, "socket_connect_timeout": timeout_seconds, "retry": None}
        self._host["socket_timeout"] = None  # each round trip is bounded as a whole
        self._timeout_seconds = timeout_seconds
        self._patience = Patience(timeout_seconds, TimeoutError)
        self._waiting: deque[Waiting] = deque()
        self._underway: Sequence[Waiting] = ()
        self._is_busy = False  # what waits is sent behind what is on its way
        self._tasks = Tasks()
        self._pool: ConnectionPool | None = None

    async def publish(self, announcements: Sequence[Announcement]) -> None:
        """Return once Redis has them. Raises RedisError, OSError, within the timeout."""
        commands = [pack(("PUBLISH", *announcement)) for announcement in announcements]
        loop = asyncio.get_running_loop()
        published: asyncio.Future[None] = loop.create_future()
        self._waiting.append(Waiting(commands, published))
        if not self._is_busy:
            self._is_busy = True
            do_together(loop, self._publish_some)
        self._patience.watch(published)
        await published

    async def close(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for each in (*self._underway, *waiting):
            each.published.cancel()
        await self._tasks.cancel()
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = None

    def _publish_some(self) -> None:
        """Send the oldest in one round trip, without a task where a connection is at hand."""
        self._underway = some = self._take()
        self._is_busy = bool(some)
        if not some:
            return
        commands = [command for each in some for command in each.commands]

        def take(outcome: list[Any] | Exception) -> None:
            self._end(some, repeat(outcome) if isinstance(outcome, Exception) else outcome)

        if not ask_at_once(self._open_pool(), commands, take, self._timeout_seconds):
            self._tasks.start(self._finish(some, commands))

    async def _finish(self, some: Sequence[Waiting], commands: Sequence[bytes]) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                replies: Iterable[Any] = await run_packed(self._open_pool(), commands)
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            replies = repeat(error)
        self._end(some, replies)

    def _end(self, some: Sequence[Waiting], replies: Iterable[Any]) -> None:
        """Each caller hears how its own went; then the next go."""
        rest = iter(replies)
        for each in some:
            _settle(each.published, islice(rest, len(each.commands)))
        self._publish_some()

    def _take(self) -> list[Waiting]:
        """Take the oldest; who has given up, while Redis hung, needs no answer."""
        some: list[Waiting] = []
        count = 0
        while self._waiting and count < PUBLISHES_PER_PIPELINE:
            waiting = self._waiting.popleft()
            if not waiting.published.done():
                some.append(waiting)
                count += len(waiting.commands)
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
