"""`/disconnect` and `/presence`, as sites' backends call them."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from delivery.exceptions import BackplaneUnavailable, RedisUnavailable
from delivery.presence import DevicePresence, UserPresence
from tests.delivery.http_fixtures import CREDENTIALS, FORM, Answer, Edge

PATHS = [("/disconnect", "POST"), ("/presence", "GET")]
CAME, LEFT = 1_800_000_000_123, 1_800_000_060_000


@dataclass
class FakeBackplane:
    told: list[object] = field(default_factory=list)

    async def announce_disconnects(self, site: str, targets: list[tuple[str, str | None]]) -> None:
        self.told.append((site, targets))


@pytest.fixture
def backplane(edge: Edge) -> FakeBackplane:
    edge.backplane = backplane = FakeBackplane()
    return backplane


async def ask(edge: Edge, query: str, method: str = "GET") -> Answer:
    return await edge.exchange(method, "/presence", query, {}, b"")


async def test_disconnect_tells_all_processes(edge: Edge, backplane: FakeBackplane) -> None:
    body = {"rooms": ["staff"], "devices": [{"room": "user_1", "device": "phone"}]}
    answer = await edge.send(body, path="/disconnect")
    assert (answer.status, answer.json()) == (200, {"ok": True, "targets": 2})
    assert backplane.told == [("newsite", [("staff", None), ("user_1", "phone")])]


async def test_disconnect_takes_forms(edge: Edge, backplane: FakeBackplane) -> None:
    body = b"rooms[]=staff&devices[0][room]=user_1&devices[0][device]="
    answer = await edge.send(body, path="/disconnect/", content_type=FORM)
    assert answer.json() == {"ok": True, "targets": 2}
    assert backplane.told == [("newsite", [("staff", None), ("user_1", "")])]


@pytest.mark.parametrize("body", [{}, {"devices": ["phone"]}, b"{"])
async def test_what_disconnect_cannot_read_tells_nobody(
    body: object, edge: Edge, backplane: FakeBackplane
) -> None:
    assert (await edge.send(body, path="/disconnect")).status == 400
    assert backplane.told == []


async def test_presence_answers_in_the_order_asked(edge: Edge) -> None:
    phone = DevicePresence("phone", CAME, lease_ends_ms=LEFT)
    half = DevicePresence("a\ud800", LEFT)

    async def find(site: str, rooms: list[str]) -> list[UserPresence]:
        assert site == "newsite"
        known = {"user_1": (half, phone), "user_2": (half,)}
        return [UserPresence(site, room, known.get(room, ())) for room in rooms]

    edge.presence = SimpleNamespace(find=find)
    answer = await ask(edge, f"{CREDENTIALS}&room=user_1&room=user_3&room=user_2")
    came, left = "2027-01-15T08:00:00.123Z", "2027-01-15T08:01:00.000Z"
    away = {"device": "a\\ud800", "online": False, "since": left}
    here = {"device": "phone", "online": True, "since": came}
    assert answer.json() == {
        "ok": True,
        "rooms": [
            {"room": "user_1", "online": True, "since": came, "devices": [away, here]},
            {"room": "user_3", "online": False, "since": None, "devices": []},
            {"room": "user_2", "online": False, "since": left, "devices": [away]},
        ],
    }


@pytest.mark.parametrize("rooms", ["", "&room=staff", "&room="])
async def test_presence_is_of_user_rooms(rooms: str, edge: Edge) -> None:
    status, code, _ = (await ask(edge, CREDENTIALS + rooms)).error
    assert (status, code) == (400, "invalid_rooms")


@pytest.mark.parametrize(("path", "method"), PATHS)
async def test_both_want_the_key_of_the_site(path: str, method: str, edge: Edge) -> None:
    missing = await edge.exchange(method, path, "site=newsite", {}, b"")
    assert missing.error[:2] == (400, "missing_credentials")
    wrong = await edge.exchange(method, path, "site=newsite&apiKey=no", {}, b"")
    assert wrong.error == (401, "invalid_api_key", "ApiKey invalid.")


@pytest.mark.parametrize(("path", "method"), PATHS)
async def test_both_know_one_method(path: str, method: str, edge: Edge) -> None:
    for other in {"GET", "POST", "PUT", "DELETE"} - {method}:
        answer = await edge.exchange(other, path, CREDENTIALS, {}, b"")
        assert answer.error == (405, "method_not_allowed", f"Only {method} is allowed.")
        assert answer.headers["Allow"] == method
    assert (await edge.exchange("OPTIONS", path, "", {}, b"")).status == 200


async def test_both_answer_503_while_redis_is_away(edge: Edge) -> None:
    async def fail(*_: object) -> None:
        raise error("gone")

    error: type[Exception] = BackplaneUnavailable
    edge.backplane = SimpleNamespace(announce_disconnects=fail)
    answer = await edge.send({"rooms": "staff"}, path="/disconnect")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    error = RedisUnavailable
    edge.presence = SimpleNamespace(find=fail)
    answer = await ask(edge, f"{CREDENTIALS}&room=user_1")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
