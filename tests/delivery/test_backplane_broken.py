"""The backplane while its subscription is broken and Redis already takes announcements again."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from delivery import backplane as backplane_module
from delivery import shard
from delivery.backplane import Backplane, Broadcast
from delivery.channel_layer import ConfirmedPubSubChannelLayer
from delivery.exceptions import BackplaneUnavailable
from delivery.message import Message
from delivery.queue_values import Appended
from tests.delivery.redis_proxy import RedisProxy
from tests.delivery.socket_fixtures import until

SITE = "newsite"
MESSAGE = Message("7", "hello", '["hello"]', False, ("staff",))
NEVER_SECONDS = 3600.0


@pytest_asyncio.fixture
async def broken(
    redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Backplane]:
    """Joined two rooms, lost its subscription, and has not yet tried to make it again."""
    layer = ConfirmedPubSubChannelLayer(hosts=[{"address": redis_proxy.url}], prefix="sioweb.")
    monkeypatch.setattr(backplane_module, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(shard, "RETRY_SECONDS", NEVER_SECONDS)
    backplane = Backplane()
    await backplane.start()
    await backplane.join(SITE, ["staff", "user_1"])
    assert layer.is_whole
    await redis_proxy.shut()
    await until(lambda: not layer.is_whole)
    await redis_proxy.open()
    yield backplane
    await backplane.close()


async def test_broadcast_that_this_process_would_miss_is_refused(broken: Backplane) -> None:
    with pytest.raises(BackplaneUnavailable, match="subscription is broken"):
        await broken.announce_broadcasts(SITE, [Broadcast(MESSAGE, ["staff"], [])])


async def test_process_that_would_miss_broadcasts_is_not_ready(broken: Backplane) -> None:
    with pytest.raises(BackplaneUnavailable, match="subscription is broken"):
        await broken.ping()


async def test_what_is_stored_is_announced_all_the_same(broken: Backplane) -> None:
    """Other processes may hear of it, and this one catches up."""
    await broken.announce_stored(SITE, [(MESSAGE, Appended("user_1", "e1", 1, "7", "", ()))])
