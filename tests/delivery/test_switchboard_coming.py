"""A socket on its way in: its queue is opened where something waits, or may wait by now."""

from collections.abc import Sequence
from typing import Any

import pytest

from delivery.feeds import REQUESTED
from delivery.inspection import Inspection
from delivery.queue_values import Device, Known
from delivery.queues import Queues
from tests.delivery.process_fixtures import connect
from tests.delivery.queue_fixtures import PHONE, ROOM
from tests.delivery.queue_fixtures import TTL_SECONDS as TTL
from tests.delivery.socket_fixtures import Process, Tab, until

HELLO, UPDATE = ["hello", 1], ["update", 2]


@pytest.fixture
def queues(redis: object) -> Queues:
    """By Redis' own clock, as the inspection is."""
    return Queues(ttl_seconds=TTL)


@pytest.fixture
def opened(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> list[Device]:
    """Devices whose queues have been opened."""
    devices: list[Device] = []
    open_queue = queues.open

    def open_noted(device: Device, *args: Any) -> Any:
        devices.append(device)
        return open_queue(device, *args)

    monkeypatch.setattr(queues, "open", open_noted)
    return devices


@pytest.fixture
def announced_before_the_answer(
    process: Process, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HELLO is, once Redis knows the device: by another connection than its answer to that, which
    may be later."""
    know = queues.know

    async def know_late(devices: Sequence[Device]) -> list[Known]:
        known = await know(devices)
        await process.publish(ROOM, content=HELLO)
        await process.settle()
        return known

    monkeypatch.setattr(queues, "know", know_late)


async def join(process: Process, *rooms: str, device: str = "phone") -> Tab:
    tab = process.make_tab(*rooms, device=device)
    await process.switchboard.join(tab.connection)
    return tab


async def go_live(process: Process, tab: Tab) -> None:
    process.switchboard.go_live(tab.connection)
    await process.settle()


async def test_nothing_is_opened_where_nothing_waits(
    process: Process, opened: list[Device]
) -> None:
    tab = await connect(process, ROOM, "staff", device="phone")
    for content in (HELLO, UPDATE):
        await process.publish(ROOM, content=content)
    await process.settle()
    assert tab.events == [HELLO, UPDATE]
    assert [sent.ack_id for sent in tab.socket.sent] == [1, 2]
    assert opened == []


async def test_it_goes_on_from_where_the_room_stood(process: Process, opened: list[Device]) -> None:
    laptop = await connect(process, ROOM, device="laptop")
    await process.publish(ROOM, content=HELLO)
    await laptop.wait_for(1)
    phone = await connect(process, ROOM, device="phone")
    await process.publish(ROOM, content=UPDATE)
    await process.settle()
    assert (laptop.events, phone.events) == ([HELLO, UPDATE], [UPDATE])
    assert opened == []


async def test_what_waits_is_replayed(process: Process, opened: list[Device]) -> None:
    await process.publish(ROOM, content=HELLO)
    tab = await connect(process, ROOM, device="phone")
    assert tab.events == [["batch", [HELLO]]]
    assert opened == [PHONE]


async def test_what_another_tab_has_not_acked_is_replayed(
    process: Process, opened: list[Device]
) -> None:
    first = await connect(process, ROOM, device="phone")
    await process.publish(ROOM, content=HELLO)
    await first.wait_for(1)
    second = await connect(process, ROOM, device="phone")
    assert second.events == [["batch", [HELLO]]]


async def test_what_is_announced_before_it_is_live_comes_alone(
    process: Process, opened: list[Device]
) -> None:
    tab = await join(process, ROOM)
    await process.publish(ROOM, content=HELLO)
    await process.settle()
    await go_live(process, tab)
    await process.publish(ROOM, content=UPDATE)
    await process.settle()
    assert tab.events == [HELLO, UPDATE]
    assert opened == [PHONE]


@pytest.mark.usefixtures("announced_before_the_answer")
async def test_what_is_announced_before_redis_has_answered_comes(process: Process) -> None:
    tab = await join(process, ROOM)
    await go_live(process, tab)
    assert tab.events == [HELLO]


@pytest.mark.usefixtures("announced_before_the_answer")
async def test_what_is_announced_to_a_room_that_is_moved_to_comes(process: Process) -> None:
    tab = await connect(process, "staff", device="phone")
    await process.switchboard.move(tab.connection, ["staff", ROOM])
    await process.settle()
    assert tab.events == [HELLO]


async def test_a_resync_that_waits_is_told(process: Process, queues: Queues) -> None:
    await queues.know([PHONE])
    await Inspection().request_resync(PHONE)
    assert (await connect(process, ROOM, device="phone")).resyncs == [REQUESTED]


async def test_a_resync_that_is_announced_before_it_is_live_is_told(process: Process) -> None:
    tab = await join(process, ROOM)
    asked = await Inspection().request_resync(PHONE)
    await process.backplane.announce_resync(PHONE, REQUESTED, asked.epoch, asked.seq)
    await process.settle()
    await go_live(process, tab)
    assert tab.resyncs == [REQUESTED]


async def test_after_a_break_the_queue_says_what_was_missed(
    process: Process, opened: list[Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await join(process, ROOM, "staff")
    with monkeypatch.context() as broken:
        broken.setattr(process.switchboard, "hear", lambda _: None)
        await process.publish(ROOM, content=HELLO)
        await until(lambda: process.heard)
    process.switchboard.note_break()
    await go_live(process, tab)
    assert tab.events == [HELLO]
    assert opened == [PHONE]
