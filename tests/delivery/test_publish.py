"""The steps of one message, on real queues; the backplane only records, or fails."""

import asyncio
import logging

import pytest
from redis.asyncio import Redis

from delivery.exceptions import BackplaneUnavailable, RedisUnavailable
from delivery.payloads import SendRequest
from delivery.publish import Publisher
from delivery.queues import Queues
from delivery.request_lines import begin_line
from delivery.sendings import Outcome
from tests.delivery.http_fixtures import make_site
from tests.delivery.publish_doubles import (
    FailingQueues,
    RecordingBackplane,
    SlowQueues,
    make_publisher,
)
from tests.delivery.publish_fixtures import (
    BOTH,
    SITE,
    backplane,
    make_request,
    publisher,
    read_waiting,
)

__all__ = ["backplane", "publisher"]


async def test_user_rooms_are_stored_and_announced_and_shared_rooms_broadcast(
    publisher: Publisher, queues: Queues, backplane: RecordingBackplane
) -> None:
    outcome = await publisher.publish(SITE, make_request(*BOTH), resync=True)
    assert outcome == Outcome("100", queued=2, broadcast=2)
    text = '["update_store","user",{"id":1}]'
    for room in ("user_1", "user_2"):
        assert await read_waiting(queues, room) == [("100", text, True)]
    (site, message, first), (_, _, second) = backplane.stored
    assert (site, message.id, message.text, message.resync) == ("newsite", "100", text, True)
    assert [(each.room, each.seq) for each in (first, second)] == [("user_1", 1), ("user_2", 1)]
    assert backplane.broadcast == [("newsite", message, ("staff", "all"), ("user_1", "user_2"))]


async def test_a_site_has_queue_limits_of_its_own(
    publisher: Publisher, backplane: RecordingBackplane
) -> None:
    for fields in ({"queue_messages": 1}, {"queue_bytes": 50}):
        site = make_site(f"site-{len(backplane.stored)}", **fields)
        for _ in range(2):
            await publisher.publish(site, make_request("user_1"), resync=False)
    overflowed = [bool(appended.overflowed) for _, _, appended in backplane.stored]
    assert overflowed == [False, True, False, True]


async def test_shared_rooms_alone_store_nothing(
    publisher: Publisher, queues: Queues, backplane: RecordingBackplane
) -> None:
    outcome = await publisher.publish(SITE, make_request("staff"), resync=False)
    assert outcome == Outcome("100", queued=0, broadcast=1)
    assert backplane.stored == []
    assert await read_waiting(queues, "staff") == []


async def test_user_rooms_alone_broadcast_nothing(
    publisher: Publisher, backplane: RecordingBackplane
) -> None:
    outcome = await publisher.publish(SITE, make_request("user_1"), resync=False)
    assert outcome == Outcome("100", queued=1, broadcast=0)
    assert backplane.broadcast == []


async def test_site_without_user_rooms_only_broadcasts(
    publisher: Publisher, backplane: RecordingBackplane
) -> None:
    site = type(SITE)("plain", "http://plain.com/rooms")
    outcome = await publisher.publish(site, make_request("user_1"), resync=False)
    assert outcome == Outcome("100", queued=0, broadcast=1)
    assert backplane.stored == []


async def test_stored_message_is_accepted_though_it_cannot_be_announced(
    publisher: Publisher,
    queues: Queues,
    backplane: RecordingBackplane,
    caplog: pytest.LogCaptureFixture,
) -> None:
    backplane.failing = {"stored"}
    outcome = await publisher.publish(SITE, make_request("user_1"), resync=False)
    assert outcome.queued == 1
    assert len(await read_waiting(queues, "user_1")) == 1
    [record] = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "message 100 stored, not announced" in record.getMessage()


async def test_what_redis_announces_itself_is_not_announced_again(
    redis: Redis, backplane: RecordingBackplane
) -> None:
    queues = Queues(channels="channels of ")
    await make_publisher(queues, backplane).publish(SITE, make_request("user_1"), resync=False)
    assert len(await read_waiting(queues, "user_1")) == 1
    assert backplane.stored == []


async def test_failed_broadcast_is_the_senders_to_repeat(
    publisher: Publisher, backplane: RecordingBackplane
) -> None:
    backplane.failing = {"broadcast"}
    with pytest.raises(BackplaneUnavailable):
        await publisher.publish(SITE, make_request(*BOTH), resync=False)


async def test_nothing_is_announced_of_what_could_not_be_stored(
    queues: Queues, backplane: RecordingBackplane
) -> None:
    publisher = make_publisher(FailingQueues(queues, {"append_all"}), backplane)
    with pytest.raises(RedisUnavailable):
        await publisher.publish(SITE, make_request(*BOTH), resync=False)
    assert (backplane.stored, backplane.broadcast) == ([], [])


async def test_sender_that_hangs_up_does_not_stop_its_message(
    queues: Queues, backplane: RecordingBackplane
) -> None:
    slow = SlowQueues(queues)
    publisher = make_publisher(slow, backplane)
    call = asyncio.create_task(publisher.publish(SITE, make_request(*BOTH), False))
    await slow.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    slow.released.set()
    await publisher.drain()
    assert len(await read_waiting(queues, "user_1")) == 1
    assert len(backplane.broadcast) == 1


async def test_drain_waits_for_a_call_that_nobody_cuts(
    queues: Queues, backplane: RecordingBackplane
) -> None:
    slow = SlowQueues(queues)
    publisher = make_publisher(slow, backplane)
    before = asyncio.all_tasks()
    call = asyncio.create_task(publisher.publish(SITE, make_request(*BOTH), False, is_cut=False))
    await slow.reached.wait()
    assert asyncio.all_tasks() - before == {call}, "it has no task of its own"
    drained = asyncio.create_task(publisher.drain())
    await asyncio.sleep(0)
    assert not drained.done()
    slow.released.set()
    await drained
    assert call.done()
    assert len(backplane.broadcast) == 1


async def test_failure_that_no_sender_waits_for_is_logged(
    queues: Queues, backplane: RecordingBackplane, caplog: pytest.LogCaptureFixture
) -> None:
    backplane.failing = {"broadcast"}
    slow = SlowQueues(queues)
    publisher = make_publisher(slow, backplane)
    call = asyncio.create_task(publisher.publish(SITE, make_request(*BOTH), False))
    await slow.reached.wait()
    call.cancel()
    slow.released.set()
    await publisher.drain()
    assert "Site newsite: message 100 not sent: BackplaneUnavailable" in caplog.text


async def test_fault_that_no_sender_waits_for_is_logged(
    queues: Queues,
    backplane: RecordingBackplane,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    slow = SlowQueues(queues)
    publisher = make_publisher(slow, backplane)
    monkeypatch.setattr(publisher, "_broadcast", None)  # cannot be called
    call = asyncio.create_task(publisher.publish(SITE, make_request(*BOTH), False))
    await slow.reached.wait()
    call.cancel()
    slow.released.set()
    await publisher.drain()
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.getMessage() == "publish for newsite failed"
    assert record.exc_info


async def test_one_line_is_logged_per_call_without_arguments_or_keys(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="delivery.publish")
    request = SendRequest(("user_1", "staff"), "n", '["n","a secret"]', None)
    await publisher.publish(SITE, request, False, "an idempotency key")
    for _ in range(2):  # repeated, it sends nothing
        await publisher.publish_all(SITE, [request, make_request("user_2")], False, "another key")
    lines = [each.getMessage() for each in caplog.records if each.name == "delivery.publish"]
    assert lines == [
        "Site newsite: message 100 sent, rooms: 2",
        "Site newsite: message 101, 102 sent, rooms: 3",
    ]


@pytest.mark.parametrize("is_over", [False, True])
async def test_what_was_sent_is_told_once_though_the_sender_hangs_up(
    queues: Queues,
    backplane: RecordingBackplane,
    caplog: pytest.LogCaptureFixture,
    is_over: bool,
) -> None:
    caplog.set_level(logging.INFO, logger="delivery.publish")
    slow = SlowQueues(queues)
    publisher = make_publisher(slow, backplane)
    line = begin_line()
    call = asyncio.create_task(publisher.publish(SITE, make_request("user_1", "staff"), False))
    await slow.reached.wait()
    if is_over:
        call.cancel()
        line["status"] = "cut"  # it is written
    slow.released.set()
    await publisher.drain()
    sent = {"site": "newsite", "message": "100", "rooms": 2}
    assert line == ({"status": "cut"} if is_over else sent)
    own_lines = [each.getMessage() for each in caplog.records]
    assert own_lines == (["Site newsite: message 100 sent, rooms: 2"] if is_over else [])
