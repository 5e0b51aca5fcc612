"""`/send` with everything wrong that can be: the promised answer, and never a 500."""

import pytest

from tests.delivery.http_fixtures import Edge
from tests.delivery.malformed_bodies import FIELD_CASES, FORM_CASES, JSON_CASES
from tests.delivery.malformed_requests import LIMIT_BYTES, REQUEST_CASES, Case

CASES = [*REQUEST_CASES, *JSON_CASES, *FIELD_CASES, *FORM_CASES]


def name_case(case: Case) -> str:
    return f"{case.status} {case.code} {case.message[:30]}"


@pytest.mark.parametrize("case", CASES, ids=name_case)
async def test_malformed_request_gets_its_promised_answer(edge: Edge, case: Case) -> None:
    answer = await edge.send(
        case.body,
        content_type=case.content_type,
        query=case.query,
        method=case.method,
        headers=case.headers,
    )
    status, code, message = answer.error
    assert (status, code) == (case.status, case.code)
    assert case.message in message
    assert len(message) < 400
    assert answer.headers.get("Allow") == ("POST" if status == 405 else None)
    assert edge.publisher.published == []


async def test_checks_come_in_their_promised_order(edge: Edge) -> None:
    """Each request has one fault less than the one before."""
    requests = [
        {"method": "PUT", "query": "", "content_type": "x/y", "body": b" " * (LIMIT_BYTES + 1)},
        {"query": "", "content_type": "x/y", "body": b" " * (LIMIT_BYTES + 1)},
        {"query": "site=a&apiKey=b", "content_type": "x/y", "body": b" " * (LIMIT_BYTES + 1)},
        {"content_type": "x/y", "body": b" " * (LIMIT_BYTES + 1)},
        {"content_type": "x/y", "body": b"{"},
        {"body": b"{"},
    ]
    answers = [await edge.send(**request) for request in requests]  # type: ignore[arg-type]
    assert [answer.status for answer in answers] == [405, 400, 401, 413, 415, 400]
