"""A CONNECT packet from its arrival to its answer."""

import asyncio
from collections.abc import Iterable

import pytest

from delivery.exceptions import BackplaneUnavailable
from tests.delivery.fake_site import FakeSite, Reply, hold, rooms_reply
from tests.delivery.server_client import CONNECTED, connect_packet, start_connecting
from tests.delivery.server_fixtures import Gateway, MakeGateway, Sites
from tests.delivery.socket_fixtures import Process, until

RETRYABLE = '44/othersite,{"message":"Try again later","data":{"retryable":true}}'


def break_backplane(process: Process, patch: pytest.MonkeyPatch) -> None:
    """Let each join fail as late as it can."""
    join = process.backplane.join

    async def fail(site: str, rooms: Iterable[str]) -> None:
        await join(site, rooms)
        raise BackplaneUnavailable("Redis is gone")

    patch.setattr(process.backplane, "join", fail)


async def test_client_is_told_its_sid_and_is_in_its_rooms(
    gateway: Gateway, process: Process
) -> None:
    client = await gateway.open()
    assert CONNECTED.fullmatch(await client.join())
    await process.publish("staff", content=["hello", 1])
    assert await client.read() == '42/newsite,["hello",1]'


@pytest.mark.parametrize(
    ("query", "packet"),
    [
        ("&token=t1", "40/newsite,"),
        ("", '40/newsite,{"token":"t1"}'),
        ("", "40/newsite?token=t1,"),
        ("&token=old", '40/newsite?token=older,{"token":"t1"}'),
        ("&token=old", "40/newsite?token=t1,{}"),
    ],
)
async def test_token_comes_in_the_url_in_auth_or_with_the_namespace(
    query: str, packet: str, gateway: Gateway, fake_site: FakeSite
) -> None:
    client = await gateway.open(query)
    client.write(packet)
    answer = await client.read()
    assert answer is not None
    assert CONNECTED.fullmatch(answer)
    assert fake_site.headers("Authorization") == ["Bearer t1"]


async def test_pongs_are_read_while_the_site_thinks(
    make_gateway: MakeGateway, fake_site: FakeSite
) -> None:
    released = hold(fake_site)
    gateway = make_gateway(ping_interval=0.001)
    client = await gateway.open()
    client.write(connect_packet())
    for _ in range(3):
        assert await client.read() == "2"
        client.write("3")
    await until(lambda: fake_site.requests)
    released.set()
    while (answer := await client.read()) == "2":
        client.write("3")
    assert answer is not None
    assert CONNECTED.fullmatch(answer)


async def test_another_namespace_answers_while_one_site_thinks(
    gateway: Gateway, fake_site: FakeSite
) -> None:
    fake_site.answer(Reply(released=asyncio.Event()), rooms_reply("staff"))
    client = await gateway.open()
    await start_connecting(client, fake_site)
    assert (await client.join("/othersite")).startswith("40/othersite,")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(401), '{"message":"Authentication failed","data":{"code":401}}'),
        (Reply(404), '{"message":"Auth 404 error","data":{"code":404}}'),
    ],
)
async def test_refused_client_hears_why_and_may_ask_again(
    reply: Reply, error: str, gateway: Gateway, fake_site: FakeSite
) -> None:
    fake_site.answer(reply, rooms_reply("staff"))
    client = await gateway.open()
    assert await client.join() == f"44/newsite,{error}"
    assert len(gateway.process.switchboard) == 0
    assert CONNECTED.fullmatch(await client.join())


@pytest.mark.parametrize("packet", ["40", '40{"token":"1"}', "40/,", '40/nosuch,{"token":"1"}'])
async def test_namespace_of_no_site_is_invalid_and_nobody_is_asked(
    packet: str, gateway: Gateway, fake_site: FakeSite
) -> None:
    client = await gateway.open()
    client.write(packet)
    assert '{"message":"Invalid namespace"}' in (await client.read() or "")
    assert fake_site.requests == []


@pytest.mark.parametrize("auth", ["", "{}", "[]", "7", '"12345"', '{"token":null}'])
async def test_without_a_token_nobody_is_asked(
    auth: str, gateway: Gateway, fake_site: FakeSite
) -> None:
    client = await gateway.open()
    client.write(f"40/newsite,{auth}")
    assert await client.read() == '44/newsite,{"message":"Authentication failed"}'
    assert fake_site.requests == []


async def test_site_without_an_answer_closes_the_transport(
    make_gateway: MakeGateway, fake_site: FakeSite
) -> None:
    hold(fake_site)
    gateway = make_gateway(auth_seconds=0.01)
    client = await gateway.open()
    client.write(connect_packet())
    assert await client.is_closed()
    await client.hang_up()
    await until(lambda: not gateway.leftovers)


async def test_site_without_an_answer_beside_another_namespace_may_be_tried_again(
    make_gateway: MakeGateway, fake_site: FakeSite
) -> None:
    gateway = make_gateway(auth_seconds=1)
    client = await gateway.open()
    await client.join()
    released = hold(fake_site)
    assert await client.join("/othersite") == RETRYABLE
    assert [each.site.name for each in gateway.process.switchboard] == ["newsite"]
    released.set()
    assert (await client.join("/othersite")).startswith("40/othersite,")


async def test_site_without_an_answer_closes_the_transport_whose_other_site_is_gone(
    make_gateway: MakeGateway, fake_site: FakeSite, sites: Sites
) -> None:
    gateway = make_gateway(auth_seconds=1)
    client = await gateway.open()
    await client.join()
    sites.remove("newsite")
    assert await client.read() == "41/newsite,"
    hold(fake_site)
    client.write(connect_packet("/othersite"))
    assert await client.is_closed()


async def test_backplane_out_of_reach_closes_the_transport_and_leaves_nothing(
    gateway: Gateway, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_backplane(process, monkeypatch)
    client = await gateway.open()
    client.write(connect_packet())
    assert await client.is_closed()
    await client.hang_up()
    await until(lambda: not gateway.leftovers)


async def test_backplane_out_of_reach_beside_another_namespace_may_be_tried_again(
    gateway: Gateway, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.open()
    await client.join()
    with monkeypatch.context() as patch:
        break_backplane(process, patch)
        assert await client.join("/othersite") == RETRYABLE
    assert [each.site.name for each in process.switchboard] == ["newsite"]
    assert (await client.join("/othersite")).startswith("40/othersite,")
