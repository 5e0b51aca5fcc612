"""GET /messages/<id> at the HTTP edge: who may ask, and in what form it answers."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from delivery.exceptions import RedisUnavailable
from delivery.receipt_values import DeviceReceipt, Noted, Receipt
from tests.delivery.http_fixtures import API_KEY, CREDENTIALS, Answer, Edge

ID = "7530791394961522691"
RECEIPT = Receipt(
    Noted(ID, 1_800_000_000_123, "update", (), 0, 1, sockets=3),
    {"user_1": (DeviceReceipt("phone", "dropped", sent_ms=1_800_000_000_200, reason="overflow"),)},
)


@pytest.fixture
def ask(edge: Edge) -> Callable[..., Any]:
    """Only newsite has a receipt; for `redis-down` Redis is."""

    async def find(site: str, message_id: str) -> Receipt | None:
        if message_id == "redis-down":
            raise RedisUnavailable("gone")
        return RECEIPT if (site, message_id) == ("newsite", ID) else None

    edge.receipts = SimpleNamespace(find=find)

    async def ask(
        message_id: str = ID, query: str = CREDENTIALS, method: str = "GET", **headers: str
    ) -> Answer:
        return await edge.exchange(method, f"/messages/{message_id}", query, headers, b"")

    return ask


async def test_a_receipt_is_told(ask: Callable[..., Any]) -> None:
    answer = await ask()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    device = {
        "device": "phone",
        "state": "dropped",
        "sent_at": "2027-01-15T08:00:00.200Z",
        "reason": "overflow",
    }
    assert answer.json() == {
        "ok": True,
        "id": ID,
        "event": "update",
        "at": "2027-01-15T08:00:00.123Z",
        "rooms": [{"room": "user_1", "devices": [device]}],
        "rooms_left_out": 0,
        "broadcast": {"rooms": 1, "sockets": 3},
    }


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("site=newsite", {"X-Api-Key": API_KEY}),
        ("site=newsite", {"Authorization": f"Bearer {API_KEY}"}),
    ],
)
async def test_the_key_may_come_in_a_header(
    ask: Callable[..., Any], query: str, headers: dict[str, str]
) -> None:
    assert (await ask(query=query, **headers)).status == 200
    assert (await ask(f"{ID}/")).status == 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (400, "missing_credentials")),
        ("site=newsite&apiKey=wrong", (401, "invalid_api_key")),
        ("site=nosite&apiKey=54321", (401, "invalid_api_key")),
        ("&".join(["a=1"] * 101), (400, "invalid_query")),
    ],
)
async def test_who_may_not_ask_is_told_as_by_send(
    ask: Callable[..., Any], query: str, expected: tuple[int, str]
) -> None:
    for message_id in (ID, "unknown"):
        assert (await ask(message_id, query)).error[:2] == expected


@pytest.mark.parametrize(
    ("message_id", "query"),
    [("1", CREDENTIALS), ("a%2Fb", CREDENTIALS), (ID, "site=prefixed&apiKey=54321")],
)
async def test_an_unknown_message_is_404(
    ask: Callable[..., Any], message_id: str, query: str
) -> None:
    assert (await ask(message_id, query)).error[:2] == (404, "unknown_message")


async def test_without_redis_it_asks_to_come_again(ask: Callable[..., Any]) -> None:
    answer = await ask("redis-down")
    assert answer.error[:2] == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"


async def test_only_get_is_allowed(ask: Callable[..., Any]) -> None:
    answer = await ask(method="POST")
    assert answer.error == (405, "method_not_allowed", "Only GET is allowed.")
    assert answer.headers["Allow"] == "GET"
    assert (await ask(method="OPTIONS")).body == b"GET"
