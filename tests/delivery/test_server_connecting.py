"""A CONNECT packet from its arrival to its answer, and what is left when it comes to nothing."""

import asyncio
import re
from collections.abc import Iterable

import pytest
import pytest_asyncio

from delivery.exceptions import BackplaneUnavailable
from tests.delivery.fake_site import FakeSite, Reply, rooms_reply
from tests.delivery.server_client import Client, connect_packet
from tests.delivery.server_fixtures import Gateway, MakeGateway, Sites
from tests.delivery.socket_fixtures import Process, until

CONNECTED = re.compile(r'40/newsite,\{"sid":"[\w-]+"\}')
RETRYABLE = '44/othersite,{"message":"Try again later","data":{"retryable":true}}'


def hold(fake_site: FakeSite, *, first: Reply | None = None) -> asyncio.Event:
    """Make the site think until the event is set."""
    released = asyncio.Event()
    reply = first or rooms_reply("user_1", "staff")
    reply.released = released
    fake_site.answer(reply)
    return released


async def start_connecting(client: Client, fake_site: FakeSite) -> None:
    before = len(fake_site.requests)
    client.write(connect_packet())
    await until(lambda: len(fake_site.requests) > before)


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


async def test_connect_sent_twice_is_asked_and_answered_once(
    gateway: Gateway, fake_site: FakeSite
) -> None:
    released = hold(fake_site)
    client = await gateway.open()
    await start_connecting(client, fake_site)
    client.write(connect_packet(token="another"))
    await client.settle()
    released.set()
    assert CONNECTED.fullmatch(await client.read() or "")
    assert "Invalid namespace" in await client.join("/marker")
    assert fake_site.headers("Authorization") == ["Bearer 12345"]


async def test_connect_of_a_connected_client_changes_nothing(
    gateway: Gateway, fake_site: FakeSite, process: Process
) -> None:
    await process.publish("user_1", content=["waiting"])
    client = await gateway.open()
    assert CONNECTED.fullmatch(await client.join())
    assert await client.read() == '42/newsite,1["batch",[["waiting"]]]'
    client.write(connect_packet())
    await client.settle()
    assert "Invalid namespace" in await client.join("/marker")
    await process.publish("user_1", content=["hello"])
    client.write("43/newsite,1[]")
    assert await client.read() == '42/newsite,2["hello"]'
    assert len(fake_site.requests) == 1


async def test_disconnect_while_the_site_thinks_is_no_connect(
    gateway: Gateway, fake_site: FakeSite
) -> None:
    released = hold(fake_site)
    client = await gateway.open()
    await start_connecting(client, fake_site)
    client.write("41/newsite,")
    await client.settle()
    await until(lambda: not gateway.server._transports[client.sid].connecting)
    assert gateway.server.manager.rooms == {}
    released.set()
    assert "Invalid namespace" in await client.join("/marker")
    assert len(gateway.process.switchboard) == 0


async def test_connect_right_after_such_a_disconnect_is_answered(
    gateway: Gateway, fake_site: FakeSite
) -> None:
    fake_site.answer(Reply(released=asyncio.Event()), rooms_reply("staff"))
    client = await gateway.open()
    await start_connecting(client, fake_site)
    client.write("41/newsite,", connect_packet(token="another"))
    assert CONNECTED.fullmatch(await client.read() or "")
    assert fake_site.headers("Authorization") == ["Bearer 12345", "Bearer another"]
    [connection] = gateway.process.switchboard
    assert connection.rooms == ("staff",)


class SlowBackplane:
    """Joins only half, and leaves when it may."""

    def __init__(self, process: Process) -> None:
        self._join, self._leave = process.backplane.join, process.backplane.leave
        self.joined, self.is_leaving, self.may_leave = (asyncio.Event() for _ in range(3))

    async def join(self, site: str, rooms: Iterable[str]) -> None:
        await self._join(site, rooms)
        self.joined.set()
        await asyncio.Event().wait()

    async def leave(self, site: str, rooms: Iterable[str]) -> None:
        self.is_leaving.set()
        await self.may_leave.wait()
        await self._leave(site, rooms)


@pytest_asyncio.fixture
async def half_joined(
    gateway: Gateway, process: Process, monkeypatch: pytest.MonkeyPatch
) -> tuple[Client, SlowBackplane]:
    """A client whose rooms are being joined, for ever; whoever comes next joins at once."""
    slow = SlowBackplane(process)
    monkeypatch.setattr(process.backplane, "leave", slow.leave)
    client = await gateway.open()
    with monkeypatch.context() as patch:
        patch.setattr(process.backplane, "join", slow.join)
        client.write(connect_packet())
        await until(slow.joined.is_set)
    return client, slow


async def test_connect_waits_until_the_one_taken_back_is_undone(
    process: Process, half_joined: tuple[Client, SlowBackplane]
) -> None:
    client, slow = half_joined
    client.write("41/newsite,")
    await until(slow.is_leaving.is_set)
    client.write(connect_packet())
    await client.settle()
    slow.may_leave.set()
    assert CONNECTED.fullmatch(await client.read() or "")
    assert len(process.switchboard) == 1


async def test_client_that_hangs_up_while_its_connect_is_undone_leaves_nothing(
    gateway: Gateway, process: Process, half_joined: tuple[Client, SlowBackplane]
) -> None:
    client, slow = half_joined
    client.write("41/newsite,")
    await until(slow.is_leaving.is_set)
    await client.hang_up()
    slow.may_leave.set()
    await until(lambda: not gateway.leftovers)
    await until(lambda: len(process.backplane._members) == 1)  # the barrier's


async def test_connect_and_disconnect_in_turn_end_as_the_last_one_says(
    gateway: Gateway, process: Process
) -> None:
    client = await gateway.open()
    client.write(*[connect_packet(), "41/newsite,"] * 5, connect_packet())
    while not CONNECTED.fullmatch(await client.read() or "") or len(process.switchboard) != 1:
        pass
    await process.publish("staff", content=["hello"])
    assert await client.read() == '42/newsite,["hello"]'


async def test_client_that_hangs_up_while_the_site_thinks_leaves_nothing(
    gateway: Gateway, fake_site: FakeSite
) -> None:
    hold(fake_site)
    client = await gateway.open()
    await start_connecting(client, fake_site)
    await client.hang_up()
    await until(lambda: not gateway.leftovers)
    await until(lambda: not gateway.server._tasks._running)


async def test_client_that_hangs_up_when_connected_leaves_nothing(gateway: Gateway) -> None:
    client = await gateway.open()
    await client.join()
    await client.join("/othersite")
    assert len(gateway.leftovers) > 1
    await client.hang_up()
    await until(lambda: not gateway.leftovers)


async def test_site_removed_while_it_thinks_is_an_invalid_namespace(
    gateway: Gateway, fake_site: FakeSite, sites: Sites
) -> None:
    released = hold(fake_site)
    client = await gateway.open()
    await start_connecting(client, fake_site)
    sites.remove("newsite")
    released.set()
    assert await client.read() == '44/newsite,{"message":"Invalid namespace"}'
    assert len(gateway.process.switchboard) == 0


async def test_site_changed_while_it_thinks_connects_its_client_by_the_new_rules(
    gateway: Gateway, fake_site: FakeSite, sites: Sites, process: Process
) -> None:
    released = hold(fake_site, first=rooms_reply("user_1", "u-1"))
    client = await gateway.open()
    await start_connecting(client, fake_site)
    sites.change("newsite", user_room_prefix="u-")
    released.set()
    assert CONNECTED.fullmatch(await client.read() or "")
    [connection] = process.switchboard
    assert [device.room for device in connection.devices] == ["u-1"]


async def test_site_changed_while_the_rooms_are_joined_sends_its_client_off_to_come_back(
    gateway: Gateway, sites: Sites, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = process.backplane.join

    async def change_and_join(site: str, rooms: tuple[str, ...]) -> None:
        sites.change("newsite", user_room_prefix="u-")
        await join(site, rooms)

    monkeypatch.setattr(process.backplane, "join", change_and_join)
    client = await gateway.open()
    client.write(connect_packet())
    packets = [await client.read()]
    while packets[-1] is not None:
        packets.append(await client.read())
    assert "1" in packets
    await client.hang_up()
    await until(lambda: not gateway.leftovers)
