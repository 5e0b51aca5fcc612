"""Feeds between the real queues and a socket that writes down what it gets."""

import asyncio

import pytest

from delivery.feeds import Feed
from delivery.message import Message
from delivery.queue_values import Ack, Device, State, Waiting
from delivery.queues import Queues
from tests.delivery.feed_doubles import Batch, FlakyQueues, GatedQueues, RecordingOutlet, Single
from tests.delivery.feed_fixtures import MakeFeed, announce, compare, send_many
from tests.delivery.queue_fixtures import PHONE, ROOM, SITE, Sender
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until


async def test_first_message_of_a_room_is_written_as_it_is_announced(
    feed: Feed, send: Sender, outlet: RecordingOutlet
) -> None:
    first = await send()
    announce(feed, first)
    assert outlet.sent == [Single(first.epoch, 1)]


async def test_what_waited_comes_as_one_batch_and_what_follows_does_not_wait_for_its_ack(
    make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    *_, last = await send_many(send, 3)
    feed = make_feed()
    await until(lambda: feed.is_live)
    announce(feed, await send())
    assert outlet.sent == [Batch(last.epoch, (1, 2, 3)), Single(last.epoch, 4)]
    assert not outlet.batches[0].acked.is_set()


async def test_queue_that_is_empty_is_read_once(queues: Queues, make_feed: MakeFeed) -> None:
    feed = make_feed(behind=(gated := GatedQueues(queues)))
    await gated.reach("answered")
    await gated.step()
    await until(lambda: feed.is_live)


async def test_nothing_is_sent_when_nothing_waits(feed: Feed, outlet: RecordingOutlet) -> None:
    assert outlet.sent == []


async def test_message_announced_twice_or_late_is_written_once(
    feed: Feed, send: Sender, outlet: RecordingOutlet
) -> None:
    first, second = await send_many(send, 2)
    announce(feed, first, second, second, first)
    assert outlet.seqs == [1, 2]
    assert feed.is_live


async def test_gap_is_filled_from_the_queue(
    feed: Feed, send: Sender, outlet: RecordingOutlet
) -> None:
    first, second, third = await send_many(send, 3)
    announce(feed, first, third)
    assert outlet.seqs == [1]
    await until(lambda: feed.is_live)
    assert outlet.seqs == [1, 2, 3]
    announce(feed, second, third)
    assert outlet.seqs == [1, 2, 3]


async def test_gap_of_more_than_500_is_filled_to_its_end(
    feed: Feed, send: Sender, outlet: RecordingOutlet
) -> None:
    *_, last = await send_many(send, 1_001)
    announce(feed, last)
    await until(lambda: feed.is_live)
    assert outlet.seqs == list(range(1, 1_002))


async def test_message_announced_while_the_queue_is_read_is_not_missed(
    queues: Queues, make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    feed = make_feed(behind=(gated := GatedQueues(queues)))
    await gated.reach("answered")  # the queue was empty when it was read
    announce(feed, await send())
    gated.let_all_pass()
    await until(lambda: feed.is_live)
    assert outlet.seqs == [1]


async def test_messages_announced_in_the_wrong_order_while_the_queue_is_read_are_not_missed(
    queues: Queues, make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    feed = make_feed(behind=(gated := GatedQueues(queues)))
    await gated.reach("answered")  # of the first read; the second one is the last
    first = await send()
    announce(feed, first)
    await gated.step()
    await gated.reach("answered")
    second = await send()
    announce(feed, second, first)
    gated.let_all_pass()
    await until(lambda: feed.is_live)
    assert outlet.seqs == [1, 2]


async def test_comparison_with_redis_finds_what_was_not_announced(
    feed: Feed, queues: Queues, send: Sender, outlet: RecordingOutlet
) -> None:
    await send_many(send, 2)
    await compare(feed, queues)
    assert outlet.seqs == [1, 2]


async def test_comparison_is_left_alone_while_catching_up(
    queues: Queues, make_feed: MakeFeed, outlet: RecordingOutlet
) -> None:
    feed = make_feed(behind=(gated := GatedQueues(queues)))
    feed.compare(State("another", 7, False))
    gated.let_all_pass()
    await until(lambda: feed.is_live)
    assert outlet.sent == []


async def test_ack_by_another_tab_leaves_no_gap(
    feed: Feed, queues: Queues, send: Sender, outlet: RecordingOutlet
) -> None:
    first = await send()
    await queues.acknowledge([Ack(PHONE, first.epoch, (1,), checks_order=True)])
    announce(feed, await send())
    await until(lambda: feed.is_live)
    announce(feed, await send())
    assert outlet.seqs == [2, 3]


@pytest.mark.usefixtures("no_waiting")
async def test_redis_out_of_reach_is_asked_again_until_it_answers(
    queues: Queues, make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    await send()
    feed = make_feed(behind=(flaky := FlakyQueues(queues, failures=5)))
    await until(lambda: feed.is_live)
    assert outlet.seqs == [1]
    flaky.failures = 5
    await send()
    announce(feed, await send())
    await until(lambda: feed.is_live)
    assert outlet.seqs == [1, 2, 3]
    assert not outlet.failed.is_set()


async def test_closed_feed_reads_and_writes_nothing_more(
    queues: Queues, make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    await send()
    feed = make_feed(behind=(gated := GatedQueues(queues)))
    await gated.reach("answered")
    task = feed._task
    assert task is not None
    feed.close()
    await asyncio.wait([task])
    assert task.cancelled()
    announce(feed, await send())
    feed.compare(State("another", 7, True))
    assert outlet.sent == []
    assert feed._task is None


async def test_unexpected_failure_closes_the_socket_and_is_logged(
    queues: Queues,
    make_feed: MakeFeed,
    outlet: RecordingOutlet,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_feed(behind=FlakyQueues(queues, 1, ZeroDivisionError()))
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await outlet.failed.wait()
    assert "Feed of newsite/user_1 'phone' failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_two_devices_each_get_every_message(
    queues: Queues, make_feed: MakeFeed, send: Sender, outlet: RecordingOutlet
) -> None:
    other = RecordingOutlet()
    phone, laptop = make_feed(), Feed(Device(SITE, ROOM, "laptop"), queues, other)
    laptop.start()
    await until(lambda: phone.is_live and laptop.is_live)
    sent = await send_many(send, 2)
    for feed in (phone, laptop):
        announce(feed, sent[1])
    await until(lambda: phone.is_live and laptop.is_live)
    laptop.close()
    assert outlet.seqs == other.seqs == [1, 2]


async def test_message_text_is_passed_on_as_it_was_stored(queues: Queues) -> None:
    texts: list[str] = []

    class Texts(RecordingOutlet):
        def send_stored(self, device: Device, epoch: str, message: Waiting) -> None:
            texts.append(message.text)

    feed = Feed(PHONE, queues, Texts())
    feed.start()
    await until(lambda: feed.is_live)
    message = Message.build("1", "grüße", ["a|b", {"n": 1}], False, [ROOM])
    await queues.append(SITE, [ROOM], message)
    await compare(feed, queues)
    feed.close()
    assert texts == [message.text]
