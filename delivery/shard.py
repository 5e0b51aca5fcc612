"""Connections to one Redis of the Channels layer: one that listens, one that publishes.

Between `channel_layer` and `outbox`; imports channels-redis and redis-py.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Protocol

from channels_redis.pubsub import RedisSingleShardConnection
from redis import RedisError, ResponseError
from redis import asyncio as aioredis

from delivery.joins import Joins
from delivery.outbox import Announcement, Outbox
from delivery.redis_pools import layer_pool
from delivery.subscription import Subscription

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5  # between two attempts to reach a Redis that is gone
REPLY_TIMEOUT_SECONDS = 2.0  # a sender hears of a Redis that hangs after this long


class Layer(Protocol):
    """Who hears what comes, and that a broken subscription is whole again."""

    def hear(self, name: str, data: bytes) -> None: ...

    def tell_reconnected(self) -> None: ...


class Shard(RedisSingleShardConnection):
    """Two connections to one Redis: one that listens, one that publishes.

    Channels are asked for, or given up, only when Redis has answered what was asked before:
    replies bear no number, and an old one must not be taken for that of a new join. What many
    want meanwhile is one command.
    """

    def __init__(self, host: dict[str, Any], channel_layer: Layer) -> None:
        super().__init__(host, channel_layer)
        self._redis: aioredis.Redis | None = None
        self._wanted: set[str] = set()
        self._asked: set[str] = set()  # to subscribe or unsubscribe, not answered yet
        self._confirmed: set[str] = set()  # subscribed by the last answer
        self._joins = Joins(REPLY_TIMEOUT_SECONDS)
        self._changed: set[str] = set()  # to be looked at by the task that asks
        self._asking: asyncio.Task[None] | None = None
        self._unconfirmed: set[str] = set()  # since a break
        self._is_broken = False
        self._outbox = Outbox(host, REPLY_TIMEOUT_SECONDS)

    @property
    def is_whole(self) -> bool:
        """Whether nothing of what was joined before a break is still to be confirmed anew."""
        return not self._unconfirmed

    async def subscribe(self, channel: str) -> None:
        await self.subscribe_all([channel])

    async def subscribe_all(self, channels: Iterable[str]) -> None:
        """Subscribe, and return when Redis has confirmed all. Raises RedisError, TimeoutError."""
        awaited = {channel for channel in channels if self._want(channel)}
        if awaited:
            await self._joins.wait(awaited)

    async def unsubscribe(self, channel: str) -> None:
        """Have it unsubscribed, without waiting for that."""
        self._wanted.discard(channel)
        self._joins.leave(channel)
        self._note_change(channel)
        self._settle(channel)

    async def publish(self, channel: str, message: bytes) -> None:
        """Publish in the order of the calls. Raises RedisError."""
        await self._outbox.publish([(channel, message)])

    def publish_all(self, announcements: Sequence[Announcement]) -> Awaitable[None]:
        return self._outbox.publish(announcements)

    async def flush(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        await self._outbox.close()
        await super().flush()
        self._joins.clear()
        for names in (self._wanted, self._asked, self._confirmed, self._changed, self._unconfirmed):
            names.clear()
        self._is_broken = False

    def _want(self, channel: str) -> bool:
        """Return whether it is to be waited for; else it is subscribed."""
        self._wanted.add(channel)
        if channel in self._confirmed and channel not in self._asked:
            return False
        self._note_change(channel)
        return True

    def _note_change(self, channel: str) -> None:
        self._changed.add(channel)
        self._ask_for_changes()

    def _ask_for_changes(self) -> None:
        if self._changed and not self._asked and self._asking is None:
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        try:
            async with self._lock:
                await self._ask_at_once()
        except (RedisError, OSError) as error:
            self._note_unasked(error)
            return
        finally:
            self._asking = None
        self._ask_for_changes()

    async def _ask_at_once(self) -> None:
        """Bring Redis to what is wanted, unless a new connection has asked for it meanwhile."""
        if self._asked:
            return
        self._ensure_redis()
        changed, self._changed = self._changed, set()
        joined = (changed & self._wanted) - self._confirmed
        left = (changed & self._confirmed) - self._wanted
        self._asked = joined | left
        if joined:
            await self._pubsub.subscribe(*joined)
        if left:
            await self._pubsub.unsubscribe(*left)
        self._ensure_receiver()

    def _note_unasked(self, error: Exception) -> None:
        """With a receiver, joins may wait a while for it to reconnect; without one they fail."""
        if self._receive_task is not None:
            return
        self._asked.clear()
        self._joins.fail(error)

    def _ensure_redis(self) -> None:
        if self._redis is None:
            pool = layer_pool(self.host)
            self._redis = aioredis.Redis(connection_pool=pool)
            self._pubsub = Subscription(pool)

    def _ensure_receiver(self) -> None:
        """Listen only once there is a connection to listen to."""
        if self._pubsub.subscribed:
            super()._ensure_receiver()

    async def _do_receiving(self) -> None:
        while True:
            try:
                message = await self._pubsub.next_message(self.channel_layer.hear, self._confirm)
            except Exception as error:
                if not isinstance(error, RedisError | OSError):
                    logger.exception("The backplane's subscription failed")
                is_again = self._is_broken  # as where Redis refuses what is asked for
                self._note_break(error)
                if is_again:
                    await asyncio.sleep(RETRY_SECONDS)
                await self._reconnect()
            else:
                self._dispatch(message)

    async def _reconnect(self) -> None:
        """Try at once, then again and again."""
        while True:
            try:
                async with self._lock, asyncio.timeout(REPLY_TIMEOUT_SECONDS):
                    self._asked, self._confirmed = set(self._wanted), set()
                    self._unconfirmed = set(self._wanted)
                    await self._pubsub.reconnect(self._wanted)
            except (RedisError, OSError):
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def _note_break(self, error: Exception) -> None:
        logger.warning("The backplane lost its subscription, trying again: %s", error)
        self._is_broken = True
        self._unconfirmed = set(self._wanted)
        if isinstance(error, ResponseError):
            self._joins.fail(error)

    def _dispatch(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        if message["type"] == "message":
            self.channel_layer.hear(message["channel"].decode(), message["data"])
            return
        channel = message["channel"].decode()
        if message["type"] == "subscribe":
            self._confirm(channel)
        else:
            self._confirmed.discard(channel)
            self._note_answer(channel)

    def _note_answer(self, channel: str) -> None:
        """Behind the last one, ask for what is wanted otherwise by now."""
        self._asked.discard(channel)
        if (channel in self._wanted) != (channel in self._confirmed):
            self._changed.add(channel)
        self._ask_for_changes()

    def _confirm(self, channel: str) -> None:
        self._confirmed.add(channel)
        self._note_answer(channel)
        self._joins.confirm(channel)
        self._settle(channel)

    def _settle(self, channel: str) -> None:
        """After a break: a channel is confirmed anew, or left. Behind the last, all is whole."""
        self._unconfirmed.discard(channel)
        if self._is_broken and not self._unconfirmed:
            self._is_broken = False
            self.channel_layer.tell_reconnected()
