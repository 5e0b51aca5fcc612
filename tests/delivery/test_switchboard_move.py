"""A connected socket is brought to other rooms."""

import pytest

from delivery.exceptions import RedisUnavailable
from delivery.inspection import Inspection
from delivery.queue_values import NOWHERE, Device, Known
from delivery.queues import Queues
from tests.delivery.process_fixtures import connect
from tests.delivery.queue_fixtures import SITE
from tests.delivery.queue_fixtures import TTL_SECONDS as TTL
from tests.delivery.socket_fixtures import Process

HELLO = ["hello", 1]
USER, OTHER = "user_1", "user_2"


@pytest.fixture
def queues(redis: object) -> Queues:
    """By Redis' own clock, as the inspection is."""
    return Queues(ttl_seconds=TTL)


async def online(room: str) -> bool:
    return any(each.is_online for each in (await Inspection().look(SITE, room)).devices)


async def test_shared_rooms_are_left_and_joined(process: Process) -> None:
    tab = await connect(process, "staff", "all")
    await process.switchboard.move(tab.connection, ["guests", "all"])
    assert sorted(tab.connection.rooms) == ["all", "guests"]
    for number, room in enumerate(("staff", "guests", "all")):
        await process.publish(room, content=["hello", number])
    await process.settle()
    assert tab.events == [["hello", 1], ["hello", 2]]
    assert len(process.backplane._members) == 3  # two, and the barrier's


async def test_what_waits_in_a_new_user_room_is_replayed_and_then_it_is_live(
    process: Process, queues: Queues
) -> None:
    await process.publish(OTHER, content=HELLO)
    tab = await connect(process, USER, device="phone")
    await process.switchboard.move(tab.connection, [USER, OTHER])
    await tab.wait_for(1)
    tab.acknowledge(0)
    await process.settle()
    await process.publish(OTHER, content=["update"])
    await tab.wait_for(2)
    assert tab.events == [["batch", [HELLO]], ["update"]]
    assert await online(OTHER)


async def test_device_of_a_user_room_that_is_left_is_offline_and_its_messages_wait(
    process: Process, queues: Queues
) -> None:
    tab = await connect(process, USER, OTHER, device="phone")
    await process.publish(OTHER, content=HELLO)
    await tab.wait_for(1)
    await process.switchboard.move(tab.connection, [USER])
    assert not await online(OTHER)
    assert await online(USER)
    await process.publish(OTHER, content=["update"])
    await process.settle()
    assert tab.events == [HELLO]
    tab.acknowledge(0)  # of what it was sent while it was there
    await process.settle()
    backlog = await queues.read(Device(SITE, OTHER, "phone"), NOWHERE)
    assert [each.text for each in backlog.messages] == ['["update"]']


async def test_other_tab_of_the_device_keeps_it_online(process: Process) -> None:
    tabs = [await connect(process, USER, OTHER, device="phone") for _ in range(2)]
    await process.switchboard.move(tabs[0].connection, [USER])
    assert await online(OTHER)


async def test_socket_that_has_left_is_not_moved(process: Process) -> None:
    tab = await connect(process, USER)
    await process.leave(tab)
    await process.switchboard.move(tab.connection, ["staff", OTHER])
    assert not process.switchboard._rooms
    assert len(process.backplane._members) == 1
    assert not await online(OTHER)


async def test_socket_that_leaves_while_it_is_moved_leaves_nothing_behind(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await connect(process, "staff")
    know = process.queues.know

    async def know_late(devices: list[Device]) -> list[Known]:
        await process.leave(tab)
        return await know(devices)

    monkeypatch.setattr(process.queues, "know", know_late)
    await process.switchboard.move(tab.connection, [OTHER])
    assert not process.switchboard._rooms
    assert tab.connection.feeds == {}
    assert not await online(OTHER)


async def test_while_redis_is_away_old_rooms_are_left_and_new_ones_not_joined(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await connect(process, "staff", "all", USER)

    async def fail(devices: list[Device]) -> None:
        raise RedisUnavailable("gone")

    with monkeypatch.context() as broken:
        broken.setattr(process.queues, "know", fail)
        with pytest.raises(RedisUnavailable):
            await process.switchboard.move(tab.connection, ["all", OTHER])
    assert tab.connection.rooms == ("all",)
    assert len(process.backplane._members) == 2
    await process.switchboard.move(tab.connection, ["all", OTHER])
    await process.publish(OTHER, content=HELLO)
    await tab.wait_for(1)
