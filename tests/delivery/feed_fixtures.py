"""Feeds on the real queues, and what tests do with them."""

from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest
import pytest_asyncio

from delivery import feeds as feeds_module
from delivery.feeds import Feed
from delivery.queue_values import Appended, Device, Waiting
from delivery.queues import Queues
from tests.delivery.feed_doubles import RecordingOutlet
from tests.delivery.queue_fixtures import PHONE, Sender
from tests.delivery.socket_fixtures import until

MakeFeed = Callable[..., Feed]


@pytest.fixture
def outlet() -> RecordingOutlet:
    return RecordingOutlet()


@pytest_asyncio.fixture
async def make_feed(queues: Queues, outlet: RecordingOutlet) -> AsyncIterator[MakeFeed]:
    feeds: list[Feed] = []

    def make(device: Device = PHONE, behind: object = queues) -> Feed:
        feeds.append(Feed(device, cast("Queues", behind), outlet))
        feeds[-1].start()
        return feeds[-1]

    yield make
    for feed in feeds:
        feed.close()


@pytest_asyncio.fixture
async def feed(make_feed: MakeFeed) -> Feed:
    """Live, in a room that has had no message yet."""
    feed = make_feed()
    await until(lambda: feed.is_live)
    return feed


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds_module, "FIRST_RETRY_SECONDS", 0.0)


def announce(feed: Feed, *appended: Appended) -> None:
    for each in appended:
        text = f'["update",{each.message_id}]'
        feed.offer(each.epoch, Waiting(each.seq, each.message_id, False, text, each.previous_id))


async def compare(feed: Feed, queues: Queues) -> None:
    [state] = await queues.renew({feed.device: feed.position})
    feed.compare(state)
    await until(lambda: feed.is_live)


async def send_many(send: Sender, count: int, size: int = 0) -> list[Appended]:
    return [await send(size=size) for _ in range(count)]
