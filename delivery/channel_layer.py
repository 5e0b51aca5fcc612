"""The Channels layer between processes: channels-redis over pub/sub, made sure of three things.

Joining a group returns once Redis has confirmed the subscription, so nothing
that is announced afterwards can be missed; announcements travel in pipelines,
in the order they were made; and whoever asks is told when a broken subscription
is whole again. Between `backplane` and `shard`; imports channels-redis and its msgpack.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgpack
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close, decode_hosts

from delivery.shard import Shard

logger = logging.getLogger(__name__)


class Ear:
    """In place of a channel's queue: whoever listens is told at once what comes, in its order."""

    def __init__(self, hear: Callable[[Any], None]) -> None:
        self._hear = hear

    def put_nowait(self, data: bytes) -> None:
        try:
            message = msgpack.unpackb(data, unicode_errors="surrogatepass")
        except ValueError:  # all that it raises
            message = None
        if isinstance(message, dict):
            self._hear(message)
        else:
            logger.warning("Something on the backplane is no message")


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

    def channel_name(self, group: str) -> str:
        """Of the group, in Redis."""
        name: str = self._get_group_channel_name(group)
        return name

    async def group_add_all(self, groups: Iterable[str], channel: str) -> None:
        """As many calls of `group_add(group, channel)`, without a task for each."""
        names = list(map(self.channel_name, groups))
        for name in names:
            self.groups.setdefault(name, set()).add(channel)
        await self._shard.subscribe_all(names)

    async def group_send_all(self, messages: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """As many calls of `group_send(group, message)`, for little more than one."""
        serialize = self.channel_layer.serialize
        announcements = [
            (self.channel_name(group), serialize(message)) for group, message in messages
        ]
        await self._shard.publish_all(announcements)

    def listen(self, channel: str, hear: Callable[[Any], None]) -> None:
        """Call `hear` with what has come for a channel and all that comes, instead of keeping it
        for `receive`: that is a turn of a task and four coroutines for each message."""
        queue, self.channels[channel] = self.channels[channel], Ear(hear)
        while not queue.empty():
            self.channels[channel].put_nowait(queue.get_nowait())

    def hear(self, name: str, data: bytes) -> None:
        """Pass on what has come to a group or a channel."""
        for channel in self.groups.get(name, (name,)):
            if channel in self.channels:
                self.channels[channel].put_nowait(data)

    def tell_reconnected(self) -> None:
        logger.warning("The backplane's subscription is whole again")
        for listener in self.reconnect_listeners:
            listener()


class ConfirmedPubSubChannelLayer(RedisPubSubChannelLayer):
    """RedisPubSubChannelLayer with LoopLayer in place of its own."""

    # What its serializer does, with one packer for all messages in place of one for each.
    serialize = staticmethod(msgpack.Packer(unicode_errors="surrogatepass").pack)

    def group_send_all(self, messages: Iterable[tuple[str, dict[str, Any]]]) -> Awaitable[None]:
        """As its layer's, without the base class's way there."""
        return self._get_layer().group_send_all(messages)

    def _get_layer(self) -> LoopLayer:
        loop = asyncio.get_running_loop()
        layer: LoopLayer | None = self._layers.get(loop)
        if layer is None:
            layer = LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            self._layers[loop] = layer
            _wrap_close(self, loop)
        return layer
