"""JSON answers: to whoever looks at one, it is Django's own response."""

import pytest
from django.http import HttpResponse

from delivery.answers import JsonAnswer, encode_headers, json_answer


def theirs(text: bytes, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="application/json")


@pytest.mark.parametrize("status", [200, 503])
def test_json_answer_has_all_that_a_response_has(status: int) -> None:
    own, other = json_answer({"ok": True}, status), theirs(b'{"ok":true}', status)
    assert own.headers == other.headers
    assert own.cookies == other.cookies
    assert {name: value for name, value in vars(own).items() if name != "headers"} == {
        name: value for name, value in vars(other).items() if name != "headers"
    }
    assert own.serialize() == other.serialize()
    assert (own.reason_phrase, own.charset, own.text) == (
        other.reason_phrase,
        other.charset,
        other.text,
    )


def test_its_parts_can_be_set() -> None:
    answer = json_answer([])
    answer["Allow"] = "POST"
    answer.content = b"{}"
    answer.set_cookie("a", "1")
    assert answer.serialize() == b"Content-Type: application/json\r\nAllow: POST\r\n\r\n{}"
    assert answer.cookies["a"].value == "1"


@pytest.mark.parametrize("is_asked", [False, True])
def test_headers_are_encoded_whether_or_not_somebody_looked(is_asked: bool) -> None:
    answer = json_answer({})
    if is_asked:
        assert len(answer.headers) == 1
    assert encode_headers(answer) == [(b"Content-Type", b"application/json")]


def test_own_headers_are_encoded() -> None:
    answer = json_answer({}, 429, {"Retry-After": "1"})
    assert isinstance(answer, JsonAnswer)
    assert encode_headers(answer) == [
        (b"Content-Type", b"application/json"),
        (b"Retry-After", b"1"),
    ]
    assert encode_headers(HttpResponse("ok")) == [(b"Content-Type", b"text/html; charset=utf-8")]
