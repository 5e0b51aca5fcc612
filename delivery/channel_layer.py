"""The Channels layer between processes: channels-redis over pub/sub, made sure of three things.

Joining a group returns once Redis has confirmed the subscription, so nothing
that is announced afterwards can be missed; announcements travel in pipelines,
in the order they were made; and whoever asks is told when a broken subscription
is whole again. Between `backplane` and `shard`; imports channels-redis.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close, decode_hosts

from delivery.outbox import Announcement
from delivery.shard import Shard

logger = logging.getLogger(__name__)


class LoopLayer(RedisPubSubLoopLayer):
    """The layer of one event loop."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shards: list[Shard] = [Shard(host, self) for host in decode_hosts(kwargs["hosts"])]
        self.reconnect_listeners: list[Callable[[], None]] = []

    @property
    def is_whole(self) -> bool:
        """Whether this process hears of everything that is announced to it."""
        return all(shard.is_whole for shard in self._shards)

    async def group_add_all(self, groups: Iterable[str], channel: str) -> None:
        """As many calls of `group_add(group, channel)`, without a task for each."""
        by_shard: dict[Shard, list[str]] = defaultdict(list)
        for group in groups:
            name = self._get_group_channel_name(group)
            self.groups.setdefault(name, set()).add(channel)
            by_shard[self._get_shard(name)].append(name)
        await _all(shard.subscribe_all(own) for shard, own in by_shard.items())

    async def group_send_all(self, messages: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """As many calls of `group_send(group, message)`, for little more than one."""
        by_shard: dict[Shard, list[Announcement]] = defaultdict(list)
        for group, message in messages:
            channel = self._get_group_channel_name(group)
            content = self.channel_layer.serialize(message)
            by_shard[self._get_shard(channel)].append((channel, content))
        await _all(shard.publish_all(own) for shard, own in by_shard.items())

    def tell_reconnected(self) -> None:
        logger.warning("The backplane's subscription is whole again")
        for listener in self.reconnect_listeners:
            listener()


class ConfirmedPubSubChannelLayer(RedisPubSubChannelLayer):
    """RedisPubSubChannelLayer with LoopLayer in place of its own."""

    async def receive(self, channel: str) -> dict[str, Any]:
        """Return the next message, without the base class's way to its layer."""
        message: dict[str, Any] = await self._get_layer().receive(channel)
        return message

    def _get_layer(self) -> LoopLayer:
        loop = asyncio.get_running_loop()
        layer: LoopLayer | None = self._layers.get(loop)
        if layer is None:
            layer = LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            self._layers[loop] = layer
            _wrap_close(self, loop)
        return layer


async def _all(steps: Iterable[Awaitable[None]]) -> None:
    """Side by side; the one that there mostly is needs no task."""
    every = list(steps)
    if len(every) == 1:
        await every[0]
    else:
        await asyncio.gather(*every)
