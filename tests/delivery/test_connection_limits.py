"""How many may connect, and how fast: who comes too many is refused, and told so."""

import asyncio
import json
from typing import Any

import pytest

from delivery.connection_limits import ConnectionLimits, Crowd, Pace, Turns
from delivery.counters import ALL_SITES, Refusal
from delivery.exceptions import TooFast
from tests.delivery.fake_site import FakeSite, rooms_reply
from tests.delivery.server_client import PROXY, Client
from tests.delivery.server_fixtures import Gateway, MakeGateway, Sites
from tests.delivery.socket_fixtures import until

ADDRESS, OTHER = "203.0.113.7", "198.51.100.1"
CONNECTED = "40/newsite,"
TOO_MANY = '44/newsite,{"message":"Too many clients","data":{"code":429}}'


def from_address(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


def refused(gateway: Gateway, site: str, reason: Refusal) -> int:
    return gateway.process.switchboard.counters.of(site).refused[reason]


async def is_refused(client: Client) -> bool:
    return await client.read() is None


async def poll(gateway: Gateway, address: str) -> tuple[int, dict[str, str], Any]:
    """A handshake by polling: status, headers and body."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/socket.io/",
        "client": (PROXY, 4711),
        "query_string": b"EIO=4&transport=polling",
        "headers": [(b"x-forwarded-for", address.encode())],
    }
    answer: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(event: dict[str, Any]) -> None:
        answer.append(event)

    await gateway.server.handle(scope, receive, send)
    lines = {name.decode(): value.decode() for name, value in answer[0]["headers"]}
    return answer[0]["status"], lines, json.loads(answer[1]["body"].lstrip(b"0"))


async def test_an_address_may_have_so_many_connections(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(limits=ConnectionLimits(connections_per_address=2))
    first, _ = [await gateway.open(headers=from_address(ADDRESS)) for _ in range(2)]
    assert await is_refused(gateway.knock(headers=from_address(ADDRESS)))
    assert (await poll(gateway, ADDRESS))[0] == 503
    await gateway.open(headers=from_address(OTHER))
    await first.hang_up()
    await until(lambda: len(gateway.server._entrance) == 2)
    await gateway.open(headers=from_address(ADDRESS))
    assert refused(gateway, ALL_SITES, "too_many") == 2


async def test_nothing_is_kept_of_those_that_are_gone(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(limits=ConnectionLimits(connections_per_address=2))
    client = await gateway.open(headers=from_address(ADDRESS))
    await client.hang_up()
    await until(lambda: not gateway.leftovers)
    assert not gateway.server._entrance._crowd._counts


async def test_all_that_come_in_one_moment_are_counted(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(limits=ConnectionLimits(connections_per_address=3))
    clients = [gateway.knock(headers=from_address(ADDRESS)) for _ in range(10)]
    openings = [await client.read() for client in clients]
    assert sum(opening is not None for opening in openings) == 3


async def test_the_refusal_says_when_to_come_again(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(limits=ConnectionLimits(handshakes_per_second=1))
    assert (await poll(gateway, ADDRESS))[0] == 200
    status, headers, body = await poll(gateway, ADDRESS)
    assert (status, headers["Retry-After"]) == (503, "1")
    assert body["error"]["code"] == "too_many_connections"
    assert refused(gateway, ALL_SITES, "too_fast") == 1
    for eio_sid in gateway.server.transports():
        gateway.server.close_transport(eio_sid)


async def test_a_site_may_have_so_many_clients(make_gateway: MakeGateway, sites: Sites) -> None:
    gateway = make_gateway(limits=ConnectionLimits(connections_per_site=2))
    sites.change("othersite", connections_per_site=0)
    clients = [await gateway.open() for _ in range(3)]
    answers = [await client.join() for client in clients]
    assert answers[2] == TOO_MANY
    assert all(answer.startswith(CONNECTED) for answer in answers[:2])
    assert (await clients[2].join("/othersite")).startswith("40/othersite,")
    await clients[0].hang_up()
    await until(lambda: gateway.process.switchboard.count_of_site("newsite") == 1)
    assert (await clients[2].join()).startswith(CONNECTED)
    assert refused(gateway, "newsite", "too_many") == 1


async def test_clients_that_come_in_one_moment_are_not_more(
    make_gateway: MakeGateway, fake_site: FakeSite
) -> None:
    gateway = make_gateway(limits=ConnectionLimits(connections_per_site=2))
    clients = [await gateway.open() for _ in range(5)]
    answers = await asyncio.gather(*(client.join() for client in clients))
    assert sum(answer.startswith(CONNECTED) for answer in answers) == 2
    assert answers.count(TOO_MANY) == 3


async def test_a_user_may_have_so_many_clients(
    make_gateway: MakeGateway, sites: Sites, fake_site: FakeSite
) -> None:
    gateway = make_gateway()
    sites.change("newsite", connections_per_user_room=1)
    assert (await (await gateway.open()).join()).startswith(CONNECTED)
    second = await gateway.open()
    assert await second.join() == TOO_MANY
    fake_site.answer(rooms_reply("user_2", "staff"))
    assert (await second.join()).startswith(CONNECTED)


async def test_connects_to_a_site_wait_for_their_turn(
    make_gateway: MakeGateway, sites: Sites, fake_site: FakeSite
) -> None:
    gateway = make_gateway()
    sites.change("newsite", site_handshakes_per_second=20)
    clients = [await gateway.open() for _ in range(25)]
    began_at = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(client.join() for client in clients))
    assert all(answer.startswith(CONNECTED) for answer in answers)
    assert asyncio.get_running_loop().time() - began_at > 0.2


async def test_who_would_wait_too_long_is_to_come_again(
    make_gateway: MakeGateway, sites: Sites
) -> None:
    gateway = make_gateway(auth_seconds=0.1)
    sites.change("newsite", site_handshakes_per_second=1)
    assert (await (await gateway.open()).join()).startswith(CONNECTED)
    client = await gateway.open()
    client.write('40/newsite,{"token":"12345"}')
    assert await client.is_closed()
    assert refused(gateway, "newsite", "too_fast") == 1


async def test_a_pace_lets_a_second_through_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    pace = Pace()
    for _ in range(10):
        assert pace.wait_seconds(10) == 0
        pace.come(10)
    assert pace.wait_seconds(10) == pytest.approx(0.1)
    now += 0.1
    assert pace.wait_seconds(10) == pytest.approx(0)


async def test_turns_have_an_end() -> None:
    turns = Turns(0.0)
    await turns.wait("newsite", 1)
    with pytest.raises(TooFast):
        await turns.wait("newsite", 1)
    await turns.wait("othersite", 1)


def test_a_crowd_without_a_limit_counts_nobody() -> None:
    crowd = Crowd(0)
    crowd.come("sid", ADDRESS)
    assert not crowd
    assert not crowd.is_full(ADDRESS)


def test_who_has_no_address_is_not_counted() -> None:
    crowd = Crowd(1)
    for sid in ("one", "two"):
        assert not crowd.is_full("")
        crowd.come(sid, "")
    assert not crowd
