"""Announcements on their way out: published in the order of the calls, many in one round trip.

Below `channel_layer`; imports redis-py.
"""

import asyncio
from collections import deque
from typing import Any

from redis import RedisError
from redis import asyncio as aioredis

from delivery.redis_pools import layer_pool

PUBLISHES_PER_PIPELINE = 500

Announcement = tuple[str, bytes, asyncio.Future[None]]
"""Channel, message, and what tells its caller that Redis has it."""


class Outbox:
    """A connection to one Redis that publishes."""

    def __init__(self, host: dict[str, Any], timeout_seconds: float) -> None:
        self._host = {**host, "socket_timeout": timeout_seconds, "retry": None}
        self._waiting: deque[Announcement] = deque()
        self._task: asyncio.Task[None] | None = None
        self._redis: aioredis.Redis | None = None

    async def publish(self, channel: str, message: bytes) -> None:
        """Return once Redis has it. Raises RedisError, OSError."""
        published: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((channel, message, published))
        if self._task is None:
            self._task = asyncio.create_task(self._publish_all())
        await published

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._redis is not None:
            await self._redis.aclose(close_connection_pool=True)
            self._redis = None

    async def _publish_all(self) -> None:
        try:
            while self._waiting:
                await self._publish_some()
        finally:
            self._task = None

    async def _publish_some(self) -> None:
        """Send the oldest in one round trip; each caller hears how its own went."""
        some = self._take()
        pipeline = self._client().pipeline(transaction=False)
        for channel, message, _ in some:
            pipeline.publish(channel, message)
        try:
            replies = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            replies = [error] * len(some)
        except asyncio.CancelledError:
            for _, _, published in some:
                published.cancel()
            raise
        for (_, _, published), reply in zip(some, replies, strict=True):
            if published.done():
                continue
            if isinstance(reply, Exception):
                published.set_exception(reply)
            else:
                published.set_result(None)

    def _take(self) -> list[Announcement]:
        """Take the oldest; who has given up, while Redis hung, needs no answer."""
        some: list[Announcement] = []
        while self._waiting and len(some) < PUBLISHES_PER_PIPELINE:
            waiting = self._waiting.popleft()
            if not waiting[2].done():
                some.append(waiting)
        return some

    def _client(self) -> aioredis.Redis:
        if self._redis is None:
            self._redis = aioredis.Redis(connection_pool=layer_pool(self._host))
        return self._redis
