"""A socket that reads slowly is not written to: its messages wait in their queue."""

from delivery.feeds import Feed
from delivery.queues import Queues
from tests.delivery.feed_doubles import RecordingOutlet
from tests.delivery.feed_fixtures import announce, compare, send_many
from tests.delivery.queue_fixtures import Sender
from tests.delivery.socket_fixtures import until


async def test_nothing_is_written_to_a_congested_socket_and_nothing_is_missing_later(
    feed: Feed, send: Sender, outlet: RecordingOutlet
) -> None:
    announce(feed, await send())
    outlet.is_congested = True
    announce(feed, *await send_many(send, 3))
    assert not feed.is_live
    assert outlet.seqs == [1]
    outlet.is_congested = False
    await until(lambda: feed.is_live)
    assert outlet.seqs == [1, 2, 3, 4]
    assert outlet.resyncs == []


async def test_what_another_tab_acked_meanwhile_is_not_written(
    feed: Feed, queues: Queues, send: Sender, outlet: RecordingOutlet
) -> None:
    outlet.is_congested = True
    announce(feed, *await send_many(send, 2))
    await queues.clear(feed.device)
    outlet.is_congested = False
    await until(lambda: feed.is_live)
    announce(feed, await send())
    assert outlet.seqs == [3]


async def test_a_renewal_leaves_a_congested_feed_alone(
    feed: Feed, queues: Queues, send: Sender, outlet: RecordingOutlet
) -> None:
    outlet.is_congested = True
    announce(feed, await send())
    [state] = await queues.renew({feed.device: feed.position})
    feed.compare(state)
    assert outlet.seqs == []
    outlet.is_congested = False
    await compare(feed, queues)
    assert outlet.seqs == [1]
