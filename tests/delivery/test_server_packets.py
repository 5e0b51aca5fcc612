"""What a client may send on its transport, how much of it, and what closes the transport."""

import asyncio
import re

import pytest

from delivery.connection_limits import ConnectionLimits
from delivery.counters import ALL_SITES, Limit
from delivery.transports import WINDOW_SECONDS, Transport
from tests.delivery.fake_site import FakeSite
from tests.delivery.queue_fixtures import NOBODY, texts
from tests.delivery.server_client import connect_packet
from tests.delivery.server_fixtures import Gateway, MakeGateway, is_open
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, Process, until

HELLO = '["hello"]'


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
