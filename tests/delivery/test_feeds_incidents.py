"""What a feed does when the queue was lost, given up, or forgotten its device."""

from redis.asyncio import Redis

from delivery.feeds import Feed
from delivery.queue_values import Device
from delivery.queues import Queues
from tests.delivery.feed_doubles import Batch, GatedQueues, RecordingOutlet, Single
from tests.delivery.feed_fixtures import MakeFeed, announce, compare, send_many
from tests.delivery.queue_fixtures import NOBODY, PHONE, ROOM, SITE, Clock, Sender
from tests.delivery.socket_fixtures import until


async def test_lost_state_is_told_once_and_the_new_messages_follow(
    feed: Feed, queues: Queues, send: Sender, redis: Redis, outlet: RecordingOutlet
) -> None:
    announce(feed, *await send_many(send, 2))
    await redis.flushdb()
    third, fourth = await send_many(send, 2)
    announce(feed, third)
    await until(lambda: feed.is_live)
    announce(feed, fourth)
    await compare(feed, queues)
    assert outlet.sent[2:] == ["state_lost", Single(third.epoch, 1), Single(third.epoch, 2)]


async def test_lost_state_is_noticed_without_any_announcement(
    feed: Feed, queues: Queues, send: Sender, redis: Redis, outlet: RecordingOutlet
) -> None:
    announce(feed, await send())
    await redis.flushdb()
    await compare(feed, queues)
    await compare(feed, queues)
    assert outlet.resyncs == ["state_lost"]
    announce(feed, await send())
    assert outlet.seqs == [1, 1]


async def test_state_lost_before_the_first_message_is_no_loss(
    feed: Feed, queues: Queues, send: Sender, redis: Redis, outlet: RecordingOutlet
) -> None:
    await redis.flushdb()
    await send_many(send, 2)
    await compare(feed, queues)
    assert outlet.seqs == [1, 2]
    assert outlet.resyncs == []


async def test_late_announcement_from_a_lost_state_is_no_loss(
    feed: Feed, send: Sender, redis: Redis, outlet: RecordingOutlet
) -> None:
    first = await send()
    await redis.flushdb()
    second = await send()
    announce(feed, second, first)
    await until(lambda: feed.is_live)
    assert outlet.messages == [(second.epoch, 1)]
    assert outlet.resyncs == []


async def test_state_lost_between_two_batches_is_told_and_the_rest_follows(
    queues: Queues, make_feed: MakeFeed, send: Sender, redis: Redis, outlet: RecordingOutlet
) -> None:
    await send_many(send, 3)
    gated = GatedQueues(queues, count=2)
    gated.let_all_pass()
    feed = make_feed(behind=gated)
    await until(lambda: outlet.batches)
    await redis.flushdb()
    fourth = await send()
    outlet.batches[0].acked.set()
    await until(lambda: feed.is_live)
    assert outlet.sent[1:] == ["state_lost", Single(fourth.epoch, 1)]


async def test_device_forgotten_while_others_came_and_nothing_announced_is_told(
    feed: Feed, queues: Queues, send: Sender, outlet: RecordingOutlet, clock: Clock
) -> None:
    announce(feed, await send())
    await evict(queues, clock)
    await send_many(send, 2)
    await compare(feed, queues)
    assert outlet.sent[1:] == ["overflow"]
    announce(feed, await send())
    assert outlet.seqs == [1, 4]


async def test_device_forgotten_with_what_it_has_not_acknowledged_is_told(
    feed: Feed, queues: Queues, send: Sender, outlet: RecordingOutlet, clock: Clock
) -> None:
    announce(feed, await send())
    outlet.has_unacked = True
    await evict(queues, clock)
    await compare(feed, queues)
    assert outlet.sent[1:] == ["overflow"]
    outlet.has_unacked = False
    announce(feed, await send())
    assert outlet.seqs == [1, 2]


async def test_device_forgotten_that_has_acknowledged_everything_is_known_again_without_a_word(
    feed: Feed, queues: Queues, send: Sender, outlet: RecordingOutlet, clock: Clock
) -> None:
    announce(feed, await send())
    await evict(queues, clock)
    await compare(feed, queues)
    await send()
    await compare(feed, queues)
    assert outlet.sent == [Single(outlet.messages[0][0], 1), Single(outlet.messages[0][0], 2)]


async def evict(queues: Queues, clock: Clock) -> None:
    """More devices come than a user may have: the phone is the longest unseen."""
    clock.advance(1)
    for number in range(20):
        await queues.open(Device(SITE, ROOM, f"device {number}"))


async def test_overflow_while_away_is_told_once_on_return(
    queues: Queues, make_feed: MakeFeed, outlet: RecordingOutlet, clock: Clock
) -> None:
    small = Queues(ttl_seconds=100, max_messages=2, now_ms=clock)
    sender = Sender(small)
    await send_many(sender, 4)
    for _ in range(2):
        feed = make_feed(NOBODY)
        await until(lambda feed=feed: feed.is_live)  # type: ignore[misc]
        feed.close()
    assert outlet.sent == [
        "overflow",
        Batch(outlet.messages[0][0], (4,)),
        Batch(outlet.messages[0][0], (4,)),
    ]


async def test_one_incident_told_in_two_ways_is_one_resync(
    feed: Feed, send: Sender, outlet: RecordingOutlet
) -> None:
    *_, last = await send_many(send, 3)
    announce(feed, last)
    await until(lambda: feed.is_live)
    for _ in range(2):
        feed.give_up("out_of_order", last.epoch, last.seq)
    assert outlet.resyncs == ["out_of_order"]
    feed.give_up("overflow", last.epoch, last.seq + 1)
    assert outlet.resyncs == ["out_of_order", "overflow"]


async def test_incident_read_from_the_queue_is_not_told_again_when_it_is_announced(
    queues: Queues, make_feed: MakeFeed, outlet: RecordingOutlet, clock: Clock
) -> None:
    sender = Sender(Queues(ttl_seconds=100, max_messages=2, now_ms=clock))
    *_, third = await send_many(sender, 3)
    feed = make_feed(NOBODY)
    await until(lambda: feed.is_live)
    feed.give_up("overflow", third.epoch, third.seq)
    assert outlet.sent == ["overflow"]


async def test_incident_announced_while_it_is_read_from_the_queue_is_told_once(
    queues: Queues, make_feed: MakeFeed, outlet: RecordingOutlet, clock: Clock
) -> None:
    sender = Sender(Queues(ttl_seconds=100, max_messages=2, now_ms=clock))
    *_, third = await send_many(sender, 3)
    feed = make_feed(NOBODY, behind=(gated := GatedQueues(queues)))
    await gated.reach("answered")
    feed.give_up("overflow", third.epoch, third.seq)
    gated.let_all_pass()
    await until(lambda: feed.is_live)
    assert outlet.sent == ["overflow"]


async def test_backlog_given_up_while_it_was_read_does_not_come_behind_the_resync(
    queues: Queues, make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    _, second = await send_many(send, 2)
    feed = make_feed(behind=(gated := GatedQueues(queues)))
    await gated.reach("answered")
    feed.give_up("overflow", second.epoch, second.seq)
    gated.let_all_pass()
    await until(lambda: feed.is_live)
    assert outlet.sent == ["overflow"]
    announce(feed, await send())
    assert outlet.seqs == [3]


async def test_given_up_while_a_batch_waits_for_its_ack_goes_on_behind_it(
    queues: Queues, make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    *_, third = await send_many(send, 3)
    gated = GatedQueues(queues, count=2)
    gated.let_all_pass()
    feed = make_feed(behind=gated)
    await until(lambda: outlet.batches)
    await queues.clear(PHONE)
    feed.give_up("out_of_order", third.epoch, third.seq)
    await until(lambda: feed.is_live)
    announce(feed, await send())
    assert outlet.sent[1:] == ["out_of_order", Single(third.epoch, 4)]
