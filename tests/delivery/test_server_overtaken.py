"""A CONNECT packet that is overtaken by another packet, a hang-up or a change, and what is left."""

import asyncio
from collections.abc import Sequence

import pytest
import pytest_asyncio

from tests.delivery.fake_site import FakeSite, Reply, hold, rooms_reply
from tests.delivery.server_client import CONNECTED, Client, connect_packet, start_connecting
from tests.delivery.server_fixtures import Gateway, Sites
from tests.delivery.socket_fixtures import Process, until


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

    async def join(self, site: str, rooms: Sequence[str]) -> None:
        await self._join(site, rooms)
        self.joined.set()
        await asyncio.Event().wait()

    async def leave(self, site: str, rooms: Sequence[str]) -> None:
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
