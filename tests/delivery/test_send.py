"""`POST /send`: what a sender's request becomes, and what the sender is told."""

import logging

import orjson
import pytest

from delivery.exceptions import BackplaneUnavailable, RedisUnavailable
from tests.delivery.http_fixtures import API_KEY, CREDENTIALS, FORM, Edge, sent_args

MESSAGE = {"rooms": ["user_1", "staff"], "event": "update_store"}


async def test_json_example_of_the_readme_is_published(edge: Edge) -> None:
    body = b"""{
  "rooms": ["user_1", "staff"],
  "event": "update_store",
  "args": ["user", {"id":1,"age":5}]
}"""
    answer = await edge.send(body, query="site=newsite&apiKey=54321&resync=false")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "ok": True,
        "id": "7530791394961522691",
        "queued": 1,
        "broadcast": 1,
    }
    assert edge.last.site.name == "newsite"
    assert edge.last.request.rooms == ("user_1", "staff")
    assert edge.last.request.event == "update_store"
    assert sent_args(edge.last.request) == ["user", {"id": 1, "age": 5}]
    assert edge.last.resync is False


async def test_form_example_of_the_readme_is_published(edge: Edge) -> None:
    body = (
        b"rooms[]=user_1&rooms[]=staff&event=update_store&args[0]=user&args[1][id]=1&args[1][age]=5"
    )
    query = "site=newsite&apiKey=54321&resync=false"
    answer = await edge.send(body, query=query, content_type=FORM)
    assert answer.status == 200
    assert edge.last.request.rooms == ("user_1", "staff")
    assert edge.last.request.event == "update_store"
    assert sent_args(edge.last.request) == ["user", {"id": "1", "age": "5"}]
    assert edge.last.resync is False


async def test_form_as_browsers_and_curl_escape_it_is_the_same(edge: Edge) -> None:
    body = b"rooms%5B%5D=user_1&event=gr%C3%BC%C3%9Fe+alle&args%5B0%5D%5Bid%5D=1%2B1"
    answer = await edge.send(body, content_type=FORM)
    assert answer.status == 200
    assert edge.last.request.event == "grüße alle"
    assert sent_args(edge.last.request) == [{"id": "1+1"}]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Api-Key": API_KEY},
        {"Authorization": f"Bearer {API_KEY}"},
        {"Authorization": f"bearer  {API_KEY} "},
        {"Authorization": "Basic eDp5", "X-Api-Key": API_KEY},
    ],
)
@pytest.mark.parametrize("query", ["site=newsite", "site=newsite&apiKey="])
async def test_key_may_come_in_a_header(edge: Edge, headers: dict[str, str], query: str) -> None:
    answer = await edge.send(MESSAGE, query=query, headers=headers)
    assert answer.status == 200


async def test_key_of_the_query_is_taken_before_that_of_a_header(edge: Edge) -> None:
    right = await edge.send(MESSAGE, headers={"X-Api-Key": "wrong"})
    wrong = await edge.send(
        MESSAGE, query="site=newsite&apiKey=wrong", headers={"X-Api-Key": API_KEY}
    )
    assert (right.status, wrong.status) == (200, 401)


@pytest.mark.parametrize("path", ["/send", "/send/"])
async def test_trailing_slash_is_accepted(edge: Edge, path: str) -> None:
    assert (await edge.send(MESSAGE, path=path)).status == 200


async def test_options_names_the_one_method_as_express_did(edge: Edge) -> None:
    answer = await edge.send(method="OPTIONS", query="")
    assert (answer.status, answer.headers["Allow"], answer.body) == (200, "POST", b"POST")


@pytest.mark.parametrize(
    ("query", "body", "resync"),
    [
        ("", {}, False),
        ("&resync=", {}, False),
        ("&resync=false", {}, False),
        ("&resync=0", {}, False),
        ("&resync=FALSE", {}, False),
        ("&resync=true", {}, True),
        ("&resync=1", {}, True),
        ("&resync=True", {}, True),
        ("", {"resync": True}, True),
        ("", {"resync": 1}, True),
        ("", {"resync": "true"}, True),
        ("&resync=true", {"resync": False}, False),
        ("&resync=true", {"resync": 0}, False),
        ("&resync=true", {"resync": "false"}, False),
        ("&resync=false", {"resync": "1"}, True),
    ],
)
async def test_resync_of_the_body_wins_over_that_of_the_query(
    edge: Edge, query: str, body: dict[str, object], resync: bool
) -> None:
    answer = await edge.send({**MESSAGE, **body}, query=CREDENTIALS + query)
    assert answer.status == 200
    assert edge.last.resync is resync


async def test_fields_of_other_names_are_ignored(edge: Edge) -> None:
    body = {**MESSAGE, "site": "other", "apiKey": 1, "__proto__": {"x": 1}, "callback": None}
    assert (await edge.send(body)).status == 200
    assert edge.last.site.name == "newsite"


async def test_idempotency_key_is_handed_on(edge: Edge) -> None:
    await edge.send(MESSAGE, headers={"Idempotency-Key": "order 17"})
    await edge.send(MESSAGE)
    assert [call.idempotency_key for call in edge.publisher.published] == ["order 17", ""]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        'Application/JSON;Charset="UTF-8"',
        "application/json;",
        "application/json; charset=utf8; boundary=x",
    ],
)
async def test_content_type_may_name_utf8(edge: Edge, content_type: str) -> None:
    assert (await edge.send(MESSAGE, content_type=content_type)).status == 200


async def test_byte_order_mark_is_skipped_as_express_did(edge: Edge) -> None:
    assert (await edge.send(b"\xef\xbb\xbf" + orjson.dumps(MESSAGE))).status == 200


async def test_body_of_exactly_the_limit_is_taken(edge: Edge) -> None:
    frame = len(orjson.dumps({**MESSAGE, "args": ""}))
    body = orjson.dumps({**MESSAGE, "args": "x" * (1_048_576 - frame)})
    assert len(body) == 1_048_576
    assert (await edge.send(body)).status == 200


async def test_identity_is_no_encoding(edge: Edge) -> None:
    assert (await edge.send(MESSAGE, headers={"Content-Encoding": "Identity"})).status == 200


@pytest.mark.parametrize("failure", [RedisUnavailable("gone"), BackplaneUnavailable("gone")])
async def test_redis_out_of_reach_is_503_and_the_sender_may_retry(
    edge: Edge, failure: Exception
) -> None:
    edge.publisher.failure = failure
    answer = await edge.send(MESSAGE)
    assert answer.error == (503, "unavailable", "Redis is out of reach, try again.")
    assert answer.headers["Retry-After"] == "1"


async def test_unforeseen_failure_is_logged_and_shows_nothing(
    edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    edge.publisher.failure = KeyError("a secret")
    answer = await edge.send(MESSAGE)
    assert answer.error[:2] == (500, "internal_error")
    assert b"secret" not in answer.body
    assert any(record.exc_info for record in caplog.records if record.levelno == logging.ERROR)


async def test_no_log_line_holds_the_key(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    edge.publisher.failure = RedisUnavailable("gone")
    await edge.send(MESSAGE)
    await edge.send(b"{", headers={"X-Api-Key": API_KEY})
    assert API_KEY not in caplog.text
