"""Transports: how long one may idle, what it may send, and what closes it."""

import asyncio
import re

import pytest

from delivery.connection_limits import ConnectionLimits
from delivery.counters import ALL_SITES, Limit
from delivery.transports import WINDOW_SECONDS, Transport
from tests.delivery.fake_site import FakeSite
from tests.delivery.queue_fixtures import NOBODY, texts
from tests.delivery.server_client import Client, connect_packet
from tests.delivery.server_fixtures import Gateway, MakeGateway, Sites
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, Process, until

HELLO = '["hello"]'


async def is_open(gateway: Gateway, client: Client) -> bool:
    """Whether the transport still serves: a namespace of no site gets its answer."""
    return "Invalid namespace" in await client.join("/nosuchsite")


async def test_opening_tells_the_ping_interval_to_the_millisecond(
    make_gateway: MakeGateway,
) -> None:
    gateway = make_gateway(ping_interval=1.2345, ping_timeout=3)
    client = await gateway.open()
    assert (client.opening["pingInterval"], client.opening["pingTimeout"]) == (1234, 3000)


async def test_transport_that_joins_nothing_is_closed_after_connect_timeout(
    make_gateway: MakeGateway,
) -> None:
    gateway = make_gateway(connect_seconds=0.01)
    client = await gateway.open()
    assert await client.is_closed()
    await client.hang_up()
    await until(lambda: not gateway.leftovers)


async def test_transport_that_was_only_refused_is_closed_at_its_deadline(
    gateway: Gateway,
) -> None:
    client = await gateway.open()
    await client.join("/nosuchsite")
    gateway.let_deadline_pass(client)
    assert await client.is_closed()


async def test_transport_in_a_namespace_outlives_the_deadline(gateway: Gateway) -> None:
    client = await gateway.open()
    await client.join()
    gateway.let_deadline_pass(client)
    assert await is_open(gateway, client)


async def test_transport_that_has_left_its_last_namespace_gets_a_deadline_again(
    gateway: Gateway,
) -> None:
    client = await gateway.open()
    await client.join()
    client.write("41/newsite,")
    await client.settle()
    assert len(gateway.process.switchboard) == 0
    gateway.let_deadline_pass(client)
    assert await client.is_closed()


async def test_transport_that_has_left_one_of_two_namespaces_stays(gateway: Gateway) -> None:
    client = await gateway.open()
    await client.join()
    await client.join("/othersite")
    client.write("41/newsite,")
    await client.settle()
    gateway.let_deadline_pass(client)
    assert await is_open(gateway, client)


async def test_leaving_what_was_never_joined_earns_no_time(gateway: Gateway) -> None:
    client = await gateway.open()
    deadline = gateway.server._transports[client.sid].deadline
    client.write("41/newsite,", "41/nosuchsite,", "41")
    await client.settle()
    assert gateway.server._transports[client.sid].deadline is deadline
    assert not deadline.cancelled()


async def test_client_of_a_site_that_is_gone_is_disconnected_and_its_transport_gets_a_deadline(
    gateway: Gateway, sites: Sites
) -> None:
    client = await gateway.open()
    await client.join()
    sites.remove("newsite")
    assert await client.read() == "41/newsite,"
    await until(lambda: not len(gateway.process.switchboard))
    gateway.let_deadline_pass(client)
    assert await client.is_closed()


async def test_client_of_a_site_that_is_gone_stays_in_its_other_namespaces(
    gateway: Gateway, sites: Sites
) -> None:
    client = await gateway.open()
    await client.join()
    await client.join("/othersite")
    sites.remove("newsite")
    assert await client.read() == "41/newsite,"
    sites.put(sites.known["othersite"])
    assert await is_open(gateway, client)
    assert [each.site.name for each in gateway.process.switchboard] == ["othersite"]


async def test_client_may_come_back_on_its_transport_once_the_site_is_back(
    gateway: Gateway, sites: Sites
) -> None:
    client = await gateway.open()
    await client.join()
    site = sites.known["newsite"]
    sites.remove("newsite")
    assert await client.read() == "41/newsite,"
    await until(lambda: not gateway.server.manager.rooms)
    sites.put(site)
    assert (await client.join()).startswith('40/newsite,{"sid":')


@pytest.mark.parametrize("change", [{"user_room_prefix": "u-"}, {"prefixed_system_events": True}])
async def test_client_of_a_site_that_means_something_else_now_is_sent_off_to_come_back(
    change: dict[str, object], gateway: Gateway, sites: Sites
) -> None:
    client, other = await gateway.open(), await gateway.open()
    await client.join()
    await other.join("/othersite")
    sites.change("newsite", **change)
    assert await client.is_closed()
    assert await is_open(gateway, other)


def limited(gateway: Gateway, limit: Limit) -> dict[str, int]:
    """By site, where it was reached."""
    counters = gateway.process.switchboard.counters
    return {site: counts.limited[limit] for site, counts in counters if counts.limited[limit]}


async def test_transport_may_ask_for_so_many_namespaces_and_no_more(
    make_gateway: MakeGateway, fake_site: FakeSite
) -> None:
    gateway = make_gateway(limits=ConnectionLimits(namespaces=3))
    client = await gateway.open()
    await client.join()
    await client.join("/othersite")
    for number in range(5):
        assert "Invalid namespace" in await client.join(f"/nosuchsite{number}")
    fake_site.replies[0].released = asyncio.Event()
    sites = [fake_site.snapshot(name) for name in ("third", "fourth")]
    gateway.server._clients._registry._sites.update({site.name: site for site in sites})
    client.write(connect_packet("/third"), connect_packet("/fourth"))
    assert await client.is_closed()
    await client.hang_up()
    await until(lambda: not gateway.leftovers)
    assert limited(gateway, "namespaces") == {"fourth": 1}


async def test_namespace_left_makes_room_for_another(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(limits=ConnectionLimits(namespaces=1))
    client = await gateway.open()
    for namespace in ("/newsite", "/othersite", "/newsite"):
        assert (await client.join(namespace)).startswith(f"40{namespace},")
        client.write(f"41{namespace},")


async def test_events_of_clients_are_counted_and_come_to_nothing(gateway: Gateway) -> None:
    client = await gateway.open()
    await client.join()
    client.write('42/newsite,["hello"]', '42/newsite,7["ack me"]', '42/othersite,["stray"]', "42")
    await until(lambda: gateway.server.ignored_events == 4)
    assert await is_open(gateway, client)


async def test_flood_of_events_disconnects(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    client, other = await gateway.open(), await gateway.open()
    await client.join()
    client.write(*[f"42/newsite,{HELLO}"] * ConnectionLimits().events)
    assert await is_open(gateway, client)
    client.write(f"42/newsite,{HELLO}")
    assert await client.is_closed()
    assert "too many events" in caplog.text
    assert limited(gateway, "events") == {"newsite": 1}
    assert await is_open(gateway, other)


async def test_flood_for_a_site_that_was_not_joined_is_not_counted_there(gateway: Gateway) -> None:
    client = await gateway.open()
    await client.join()
    client.write(*[f"42/othersite,{HELLO}"] * (ConnectionLimits().events + 1))
    assert await client.is_closed()
    assert limited(gateway, "events") == {ALL_SITES: 1}


async def test_events_count_by_windows_of_time() -> None:
    deadline = asyncio.get_running_loop().call_later(0, lambda: None)
    transport = Transport(deadline)
    end = 1_000 + WINDOW_SECONDS
    assert all(transport.takes_event(1_000, 200) for _ in range(200))
    assert not transport.takes_event(1_000, 200)
    assert not transport.takes_event(end - 0.001, 200)
    assert all(transport.takes_event(end, 200) for _ in range(200))
    assert not transport.takes_event(end, 200)
    assert transport.takes_event(end, 0)


@pytest.mark.parametrize(
    "packet",
    ["43/newsite,999[]", "43/newsite,0", "43/newsite,[]", "43/othersite,1[]", "431[]", "43"],
)
async def test_ack_of_nothing_that_was_sent_is_harmless(
    packet: str, gateway: Gateway, process: Process
) -> None:
    client = await gateway.open()
    await client.join()
    await process.publish("user_1", content=["hello"])
    assert await client.read() == f"42/newsite,1{HELLO}"
    client.write(packet)
    await client.settle()
    await process.acks.drain(TIMEOUT_SECONDS)
    assert await texts(process.queues, NOBODY) == [HELLO]
    assert await is_open(gateway, client)


async def test_ack_removes_its_message_and_only_once(gateway: Gateway, process: Process) -> None:
    client = await gateway.open()
    await client.join()
    for _ in range(2):
        await process.publish("user_1", content=["hello"])
        await client.read()
    client.write("43/newsite,1[]", "43/newsite,1[]")
    await client.settle()
    await process.acks.drain(TIMEOUT_SECONDS)
    assert await texts(process.queues, NOBODY) == [HELLO]


@pytest.mark.parametrize(
    "packet",
    [
        "4x",
        "4²",
        "49",
        "40/newsite,{",
        "42/newsite,[",
        "43/newsite,²[]",
        '44/newsite,{"message":"no"}',
        '451-/newsite,["a"]',
        f"459999999999-/newsite,{HELLO}",
        "40/newsite?" + "&".join(["a=1"] * 101),
        "",
        "0",
        "2",
        "6",
        "7",
        "x",
    ],
)
async def test_malformed_packet_closes_the_transport(
    packet: str, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    client, other = await gateway.open(), await gateway.open()
    client.write(packet)
    assert await client.is_closed()
    await client.hang_up()
    assert re.search("ERROR|Traceback", caplog.text) is None
    assert await is_open(gateway, other)


@pytest.mark.parametrize("data", [b"\x01\x02", b"2/newsite,[]"])
async def test_bytes_that_belong_to_nothing_close_the_transport(
    data: bytes, gateway: Gateway
) -> None:
    client = await gateway.open()
    client.write_bytes(data)
    assert await client.is_closed()


DEEP = "[" * 1_000 + "]" * 1_000


@pytest.mark.parametrize(
    "content", ['["a",{"_placeholder":true,"num":7}]', '[{"_placeholder":true,"num":[]}]', DEEP]
)
async def test_malformed_binary_packet_closes_the_transport(
    content: str, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    client = await gateway.open()
    await client.join()
    client.write(f"451-/newsite,{content}")
    client.write_bytes(b"x")
    assert await client.is_closed()
    await client.hang_up()
    await until(lambda: not gateway.leftovers)
    assert re.search("ERROR|Traceback", caplog.text) is None


async def test_text_where_an_attachment_is_due_closes_the_transport(gateway: Gateway) -> None:
    client = await gateway.open()
    await client.join()
    client.write('451-/newsite,["a",{"_placeholder":true,"num":0}]')
    client.write('42/newsite,["b"]')
    assert await client.is_closed()


async def test_binary_event_is_ignored_and_a_binary_ack_counts(
    gateway: Gateway, process: Process
) -> None:
    client = await gateway.open()
    await client.join()
    await process.publish("user_1", content=["hello"])
    await client.read()
    client.write('451-/newsite,["a",{"_placeholder":true,"num":0}]')
    client.write_bytes(b"x")
    client.write('461-/newsite,1[{"_placeholder":true,"num":0}]')
    client.write_bytes(b"x")
    await client.settle()
    await process.acks.drain(TIMEOUT_SECONDS)
    assert gateway.server.ignored_events == 1
    assert await texts(process.queues, NOBODY) == []


async def test_half_a_binary_packet_is_forgotten_with_its_transport(
    gateway: Gateway, fake_site: FakeSite
) -> None:
    fake_site.replies[0].released = asyncio.Event()
    client = await gateway.open()
    client.write(connect_packet())
    await until(lambda: fake_site.requests)
    client.write('451-/newsite,["a"]')
    await until(lambda: gateway.server._binary_packet)
    await client.hang_up()
    await until(lambda: not gateway.leftovers)


async def test_all_transports_can_be_listed_and_closed(gateway: Gateway) -> None:
    clients = [await gateway.open() for _ in range(3)]
    await clients[0].join()
    assert gateway.server.transports() == [client.sid for client in clients]
    for sid in [*gateway.server.transports(), "of no one"]:
        gateway.server.close_transport(sid)
        gateway.server.close_transport(sid)
    for client in clients:
        assert await client.is_closed()
    assert gateway.server.transports() == []
