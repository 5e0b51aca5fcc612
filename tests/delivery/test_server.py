"""Transports: how long one may idle, what becomes of it with its sites, and what closes it."""

import pytest

from tests.delivery.server_fixtures import Gateway, MakeGateway, Sites, is_open
from tests.delivery.socket_fixtures import until


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
