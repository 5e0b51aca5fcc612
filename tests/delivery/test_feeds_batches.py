"""What waited, sent by a feed in batches, each after the ack of the one before."""

from delivery.feeds import Feed
from delivery.queues import Queues
from tests.delivery.feed_doubles import GatedQueues, RecordingOutlet
from tests.delivery.feed_fixtures import MakeFeed, announce, send_many
from tests.delivery.queue_fixtures import Sender
from tests.delivery.socket_fixtures import until


async def test_backlog_comes_in_batches_of_500_each_after_the_ack_of_the_one_before(
    make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    await send_many(send, 1_200)
    feed = make_feed()
    for number in (1, 2, 3):
        await until(lambda number=number: len(outlet.batches) == number)  # type: ignore[misc]
        assert feed.is_live == (number == 3) or await is_soon_live(feed, number)
        outlet.batches[-1].acked.set()
    assert [len(batch.seqs) for batch in outlet.batches] == [500, 500, 200]
    assert outlet.seqs == list(range(1, 1_201))


async def is_soon_live(feed: Feed, number: int) -> bool:
    if number < 3:
        return False
    await until(lambda: feed.is_live)
    return True


async def test_batch_has_at_most_512_kib(
    make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    await send_many(send, 3, size=300 * 1024)
    feed = make_feed()
    for number in (1, 2):
        await until(lambda number=number: len(outlet.batches) == number)  # type: ignore[misc]
        outlet.batches[-1].acked.set()
    await until(lambda: feed.is_live)
    assert [batch.seqs for batch in outlet.batches] == [(1,), (2,), (3,)]


async def test_next_batch_is_not_sent_before_the_ack_of_the_one_before(
    queues: Queues, make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    await send_many(send, 3)
    gated = GatedQueues(queues, count=2)
    feed = make_feed(behind=gated)
    await gated.reach("answered")
    await gated.step()
    await queues.ping()  # time enough for a read to be asked for
    assert gated.stage == "idle"
    assert outlet.seqs == [1, 2]
    outlet.batches[0].acked.set()
    gated.let_all_pass()
    await until(lambda: feed.is_live)
    assert [batch.seqs for batch in outlet.batches] == [(1, 2), (3,)]


async def test_what_is_sent_while_batches_go_out_comes_behind_them(
    queues: Queues, make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    await send_many(send, 3)
    feed = make_feed(behind=(gated := GatedQueues(queues, count=2)))
    await gated.reach("answered")
    gated.let_all_pass()
    await until(lambda: outlet.batches)
    announce(feed, await send())
    outlet.batches[0].acked.set()
    await until(lambda: feed.is_live)
    assert outlet.seqs == [1, 2, 3, 4]
