"""The Channels layer between processes: channels-redis over pub/sub, made sure of three things.

Joining a group returns once Redis has confirmed the subscription, so nothing
that is announced afterwards can be missed; announcements travel in pipelines,
in the order they were made; and whoever asks is told when a broken subscription
is whole again. Below `backplane`; imports channels-redis and redis-py only.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from channels_redis.pubsub import (
    RedisPubSubChannelLayer,
    RedisPubSubLoopLayer,
    RedisSingleShardConnection,
)
from channels_redis.utils import _wrap_close, create_pool, decode_hosts
from redis import RedisError
from redis import asyncio as aioredis

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5  # between two attempts to reach a Redis that is gone
REPLY_TIMEOUT_SECONDS = 2.0  # a sender hears of a Redis that hangs after this long
PUBLISHES_PER_PIPELINE = 500


class Shard(RedisSingleShardConnection):
    """Two connections to one Redis: one that listens, one that publishes."""

    def __init__(self, host: dict[str, Any], channel_layer: "LoopLayer") -> None:
        super().__init__(host, channel_layer)
        self._confirmations: dict[str, asyncio.Future[None]] = {}
        self._confirmed: set[str] = set()
        self._unconfirmed: set[str] = set()  # after a break, until Redis has confirmed them anew
        self._is_broken = False
        self._outbox: list[tuple[str, bytes, asyncio.Future[None]]] = []
        self._publish_task: asyncio.Task[None] | None = None
        self._publisher: aioredis.Redis | None = None

    async def subscribe(self, channel: str) -> None:
        """Subscribe, and return when Redis has confirmed it. Raises RedisError."""
        confirmation = self._confirmations.get(channel)
        if channel not in self._confirmed and confirmation is None:
            confirmation = asyncio.get_running_loop().create_future()
            self._confirmations[channel] = confirmation
            try:
                await super().subscribe(channel)
                self._ensure_receiver()
            except BaseException:
                self._confirmations.pop(channel).cancel()
                raise
        if confirmation is not None:
            async with asyncio.timeout(REPLY_TIMEOUT_SECONDS):
                await asyncio.shield(confirmation)

    async def unsubscribe(self, channel: str) -> None:
        self._confirmed.discard(channel)
        self._unconfirmed.discard(channel)
        await super().unsubscribe(channel)

    async def publish(self, channel: str, message: bytes) -> None:
        """Publish in the order of the calls, in shared pipelines. Raises RedisError."""
        published: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outbox.append((channel, message, published))
        if self._publish_task is None:
            self._publish_task = asyncio.create_task(self._publish_outbox())
        await published

    async def flush(self) -> None:
        if self._publish_task is not None:
            self._publish_task.cancel()
        if self._publisher is not None:
            await self._publisher.aclose(close_connection_pool=True)
            self._publisher = None
        await super().flush()

    async def _publish_outbox(self) -> None:
        try:
            while self._outbox:
                await self._publish_some()
        finally:
            self._publish_task = None

    async def _publish_some(self) -> None:
        """Send the oldest of the outbox in one round trip; each caller hears how its own went."""
        some = self._outbox[:PUBLISHES_PER_PIPELINE]
        del self._outbox[: len(some)]
        pipeline = self._publishing_client().pipeline(transaction=False)
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

    def _publishing_client(self) -> aioredis.Redis:
        if self._publisher is None:
            timeouts = {"socket_timeout": REPLY_TIMEOUT_SECONDS, "retry": None}
            pool = create_pool({**self.host, **timeouts})
            self._publisher = aioredis.Redis(connection_pool=pool)
        return self._publisher

    def _ensure_receiver(self) -> None:
        """Listen only once there is a connection to listen to."""
        if self._pubsub.subscribed:
            super()._ensure_receiver()

    async def _do_receiving(self) -> None:
        while True:
            try:
                message = await self._pubsub.get_message(timeout=None)
            except (RedisError, OSError) as error:
                self._note_break(error)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._dispatch(message)

    def _note_break(self, error: Exception) -> None:
        if not self._is_broken:
            logger.warning("The backplane lost its subscription, trying again: %s", error)
        self._is_broken = True
        self._unconfirmed = set(self._confirmed)

    def _dispatch(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        if message["type"] == "subscribe":
            self._confirm(message["channel"].decode())
        elif message["type"] == "message":
            self._receive_message(message)

    def _confirm(self, channel: str) -> None:
        """Note what Redis confirmed. A channel confirmed twice tells of a reconnect in between,
        which redis-py may do on its own without an error that we would see."""
        if channel in self._confirmed and not self._unconfirmed:
            self._unconfirmed = set(self._confirmed)
        self._confirmed.add(channel)
        confirmation = self._confirmations.pop(channel, None)
        if confirmation is not None and not confirmation.done():
            confirmation.set_result(None)
        if channel in self._unconfirmed:
            self._unconfirmed.discard(channel)
            if not self._unconfirmed:
                self._is_broken = False
                self.channel_layer.tell_reconnected()


class LoopLayer(RedisPubSubLoopLayer):
    """The layer of one event loop."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shards: list[Shard] = [Shard(host, self) for host in decode_hosts(kwargs["hosts"])]
        self.reconnect_listeners: list[Callable[[], None]] = []

    def tell_reconnected(self) -> None:
        logger.warning("The backplane's subscription is whole again")
        for listener in self.reconnect_listeners:
            listener()


class ConfirmedPubSubChannelLayer(RedisPubSubChannelLayer):
    """RedisPubSubChannelLayer with LoopLayer in place of its own."""

    def _get_layer(self) -> LoopLayer:
        loop = asyncio.get_running_loop()
        layer: LoopLayer | None = self._layers.get(loop)
        if layer is None:
            layer = LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            self._layers[loop] = layer
            _wrap_close(self, loop)
        return layer
