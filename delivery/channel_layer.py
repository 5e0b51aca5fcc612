"""The Channels layer between processes: channels-redis over pub/sub, made sure of three things.

Joining a group returns once Redis has confirmed the subscription, so nothing
that is announced afterwards can be missed; announcements travel in pipelines,
in the order they were made; and whoever asks is told when a broken subscription
is whole again. Between `backplane` and `shard`; imports channels-redis and its msgpack.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgpack
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close, decode_hosts

from delivery.shard import Shard

logger = logging.getLogger(__name__)


class Inbox:
    """What has come for a channel, oldest first: an asyncio.Queue with none of its limits."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._has_some = asyncio.Event()

    def put_nowait(self, data: bytes) -> None:
        self._waiting.append(data)
        self._has_some.set()

    async def get(self) -> bytes:
        while not self._waiting:
            self._has_some.clear()
            await self._has_some.wait()
        return self._waiting.popleft()


class LoopLayer(RedisPubSubLoopLayer):
    """The layer of one event loop, over one Redis."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        [host] = decode_hosts(kwargs["hosts"])
        self._shard = Shard(host, self)
        self._shards = [self._shard]
        self.reconnect_listeners: list[Callable[[], None]] = []

    @property
    def is_whole(self) -> bool:
        """Whether this process hears of everything that is announced to it."""
        return self._shard.is_whole

    async def group_add_all(self, groups: Iterable[str], channel: str) -> None:
        """As many calls of `group_add(group, channel)`, without a task for each."""
        names = [self._get_group_channel_name(group) for group in groups]
        for name in names:
            self.groups.setdefault(name, set()).add(channel)
        await self._shard.subscribe_all(names)

    async def group_send_all(self, messages: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """As many calls of `group_send(group, message)`, for little more than one."""
        serialize = self.channel_layer.serialize
        announcements = [
            (self._get_group_channel_name(group), serialize(message)) for group, message in messages
        ]
        await self._shard.publish_all(announcements)

    async def _subscribe_to_channel(self, channel: str) -> None:
        self.channels[channel] = Inbox()
        await self._shard.subscribe(channel)

    def tell_reconnected(self) -> None:
        logger.warning("The backplane's subscription is whole again")
        for listener in self.reconnect_listeners:
            listener()


class ConfirmedPubSubChannelLayer(RedisPubSubChannelLayer):
    """RedisPubSubChannelLayer with LoopLayer in place of its own."""

    # What its serializer does, with one packer for all messages in place of one for each.
    serialize = staticmethod(msgpack.Packer().pack)
    deserialize = staticmethod(msgpack.unpackb)

    def receive(self, channel: str) -> Awaitable[dict[str, Any]]:
        """Return the next message, without the base class's way to its layer."""
        received: Awaitable[dict[str, Any]] = self._get_layer().receive(channel)
        return received

    def group_send_all(self, messages: Iterable[tuple[str, dict[str, Any]]]) -> Awaitable[None]:
        return self._get_layer().group_send_all(messages)

    def _get_layer(self) -> LoopLayer:
        loop = asyncio.get_running_loop()
        layer: LoopLayer | None = self._layers.get(loop)
        if layer is None:
            layer = LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            self._layers[loop] = layer
            _wrap_close(self, loop)
        return layer
