"""Calls of several messages, and calls that are repeated, on real queues."""

import pytest

from delivery.exceptions import BackplaneUnavailable
from delivery.payloads import SendRequest
from delivery.publish import Publisher
from delivery.queues import Queues
from delivery.sendings import Outcome
from tests.delivery.http_fixtures import make_site
from tests.delivery.publish_doubles import FailingQueues, RecordingBackplane, make_publisher
from tests.delivery.publish_fixtures import (
    BOTH,
    SITE,
    backplane,
    make_request,
    publisher,
    read_waiting,
)

__all__ = ["backplane", "publisher"]


async def test_repeated_call_stores_and_sends_nothing_and_gets_the_first_answer(
    publisher: Publisher, queues: Queues, backplane: RecordingBackplane
) -> None:
    first = await publisher.publish(SITE, make_request(*BOTH), False, "order 17")
    again = await publisher.publish(SITE, make_request(*BOTH), False, "order 17")
    assert again == first == Outcome("100", 2, 2)
    assert len(await read_waiting(queues, "user_1")) == 1
    assert (len(backplane.stored), len(backplane.broadcast)) == (2, 1)  # two user rooms


async def test_same_idempotency_key_of_another_site_is_another_call(
    publisher: Publisher, backplane: RecordingBackplane
) -> None:
    await publisher.publish(SITE, make_request("user_1"), False, "order 17")
    other = make_site("other")
    outcome = await publisher.publish(other, make_request("user_1"), False, "order 17")
    assert outcome.id == "101"
    assert len(backplane.stored) == 2


async def test_calls_without_idempotency_key_are_all_different(publisher: Publisher) -> None:
    outcomes = [await publisher.publish(SITE, make_request("user_1"), False) for _ in range(3)]
    assert [outcome.id for outcome in outcomes] == ["100", "101", "102"]


async def test_call_cut_short_after_storing_goes_on_under_its_first_id(
    publisher: Publisher, queues: Queues, backplane: RecordingBackplane
) -> None:
    backplane.failing = {"broadcast"}
    with pytest.raises(BackplaneUnavailable):
        await publisher.publish(SITE, make_request(*BOTH), False, "order 17")
    backplane.failing = set()
    outcome = await publisher.publish(SITE, make_request(*BOTH), False, "order 17")
    assert outcome == Outcome("100", 2, 2)
    assert [each[0] for each in await read_waiting(queues, "user_1")] == ["100"]
    assert [message.id for _, message, _, _ in backplane.broadcast] == ["100"]


async def test_answer_that_cannot_be_kept_does_not_fail_the_call(
    queues: Queues, backplane: RecordingBackplane, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = make_publisher(FailingQueues(queues, {"settle"}), backplane)
    first = await publisher.publish(SITE, make_request("user_1"), False, "order 17")
    again = await publisher.publish(SITE, make_request("user_1"), False, "order 17")
    assert first == again
    assert len(await read_waiting(queues, "user_1")) == 1
    assert "answer 100 not kept" in caplog.text


async def test_messages_of_one_call_are_stored_in_their_order(
    publisher: Publisher, queues: Queues, backplane: RecordingBackplane
) -> None:
    requests = [SendRequest(("user_1", "staff"), "n", f'["n",{i}]', None) for i in range(3)]
    outcomes = await publisher.publish_all(SITE, requests, resync=False)
    assert outcomes == [Outcome(str(100 + i), 1, 1) for i in range(3)]
    assert [text for _, text, _ in await read_waiting(queues, "user_1")] == [
        f'["n",{i}]' for i in range(3)
    ]
    assert [appended.seq for _, _, appended in backplane.stored] == [1, 2, 3]
    assert [message.id for _, message, *_ in backplane.broadcast] == ["100", "101", "102"]


async def test_each_message_of_a_call_says_itself_whether_it_resyncs(
    publisher: Publisher, queues: Queues
) -> None:
    requests = [SendRequest(("user_1",), "n", '["n"]', resync) for resync in (None, False, True)]
    await publisher.publish_all(SITE, requests, resync=True)
    assert [resync for *_, resync in await read_waiting(queues, "user_1")] == [True, False, True]


async def test_no_messages_are_no_work(publisher: Publisher) -> None:
    assert await publisher.publish_all(SITE, [], resync=False, idempotency_key="a key") == []


async def test_repeated_call_of_several_messages_stores_none_of_them_again(
    publisher: Publisher, queues: Queues, backplane: RecordingBackplane
) -> None:
    requests = [make_request("user_1", "staff"), make_request("user_1")]
    first = await publisher.publish_all(SITE, requests, False, "a key")
    assert await publisher.publish_all(SITE, requests, False, "a key") == first
    assert len(await read_waiting(queues, "user_1")) == len(backplane.stored) == 2
    assert len(backplane.broadcast) == 1


async def test_call_of_several_messages_cut_short_goes_on_under_its_first_ids(
    queues: Queues, backplane: RecordingBackplane
) -> None:
    backplane.failing.add("broadcast")
    publisher = make_publisher(queues, backplane)
    requests = [make_request("user_1"), make_request("staff")]
    with pytest.raises(BackplaneUnavailable):
        await publisher.publish_all(SITE, requests, False, "a key")
    backplane.failing.clear()
    outcomes = await publisher.publish_all(SITE, requests, False, "a key")
    assert outcomes == [Outcome("100", 1, 0), Outcome("101", 0, 1)]
    assert [each[0] for each in await read_waiting(queues, "user_1")] == ["100"]
