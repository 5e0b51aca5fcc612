"""`POST /send/batch`, from the request to what is handed to the publisher."""

import pytest

from delivery.bodies import MAX_MESSAGES
from delivery.exceptions import RedisUnavailable
from tests.delivery.http_fixtures import CREDENTIALS, Edge, sent_args

PATH = "/send/batch"
ACCEPTED = {"ok": True, "id": "7530791394961522691", "queued": 1, "broadcast": 0}


def message(**fields: object) -> dict[str, object]:
    return {"rooms": "user_1", "event": "update", "args": [1]} | fields


async def test_each_message_is_published_and_answered_in_order(edge: Edge) -> None:
    answer = await edge.send([message(), message(rooms=["staff"], args=[2])], path=PATH)
    assert answer.status == 200
    assert answer.json() == [ACCEPTED, ACCEPTED | {"queued": 0, "broadcast": 1}]
    assert [sent_args(each.request) for each in edge.publisher.published] == [[1], [2]]


async def test_a_wrong_message_is_refused_alone(edge: Edge) -> None:
    answer = await edge.send([message(), message(event="connect"), 7, message()], path=PATH)
    assert answer.status == 200
    assert [each["ok"] for each in answer.json()] == [True, False, False, True]
    assert answer.json()[1]["error"] == {
        "code": "reserved_event",
        "message": 'event: "connect" is reserved.',
    }
    assert answer.json()[2]["error"] == {
        "code": "invalid_message",
        "message": "message: expected an object, got 7.",
    }
    assert len(edge.publisher.published) == 2


async def test_resync_of_the_query_is_for_the_messages_that_do_not_say(edge: Edge) -> None:
    entries = [message(), message(resync=False), message(resync=True)]
    await edge.send(entries, path=PATH, query=f"{CREDENTIALS}&resync=true")
    assert [each.resync for each in edge.publisher.published] == [True, False, True]


async def test_no_messages_get_no_answers(edge: Edge) -> None:
    answer = await edge.send([], path=PATH)
    assert (answer.status, answer.json()) == (200, [])


async def test_the_idempotency_key_is_handed_on(edge: Edge) -> None:
    await edge.send([message(), message()], path=PATH, headers={"Idempotency-Key": "order 7"})
    assert {each.idempotency_key for each in edge.publisher.published} == {"order 7"}


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"null", b'"x"'])
async def test_what_is_no_list_is_refused(edge: Edge, body: bytes) -> None:
    answer = await edge.send(body, path=PATH)
    assert answer.status == 400
    assert answer.json()["error"]["code"] == "malformed_json"
    assert str(MAX_MESSAGES) in answer.json()["error"]["message"] or body == b"["


async def test_a_thousand_messages_are_taken_and_one_more_is_not(edge: Edge) -> None:
    entries = [message()] * MAX_MESSAGES
    assert len((await edge.send(entries, path=PATH)).json()) == MAX_MESSAGES
    answer = await edge.send([*entries, message()], path=PATH)
    assert answer.status == 400
    assert len(edge.publisher.published) == MAX_MESSAGES


async def test_a_form_is_no_batch(edge: Edge) -> None:
    content_type = "application/x-www-form-urlencoded"
    answer = await edge.send(b"rooms=user_1", path=PATH, content_type=content_type)
    assert answer.status == 415


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("site=newsite&apiKey=wrong", 401), (CREDENTIALS, 200)]
)
async def test_the_key_is_looked_at_first(edge: Edge, query: str, status: int) -> None:
    assert (await edge.send([message()], path=PATH, query=query)).status == status


async def test_other_methods_are_not_allowed(edge: Edge) -> None:
    answer = await edge.get(PATH)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_redis_out_of_reach_is_503_for_all(edge: Edge) -> None:
    edge.publisher.failure = RedisUnavailable("gone")
    answer = await edge.send([message(), message(event="")], path=PATH)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
