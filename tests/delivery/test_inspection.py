"""A room from outside, and what people may do with it."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from delivery.inspection import MAX_SHOWN, DeviceState, Inspection
from delivery.queues import Queues
from tests.delivery.process_fixtures import connect, running_process
from tests.delivery.queue_fixtures import (
    LAPTOP,
    NOBODY,
    PHONE,
    ROOM,
    SITE,
    Sender,
    find_keys,
)
from tests.delivery.queue_fixtures import TTL_SECONDS as TTL
from tests.delivery.socket_fixtures import Process, StartProcess, until


@pytest.fixture
def queues(redis: Redis) -> Queues:
    """By Redis' own clock, as the inspection is."""
    return Queues(ttl_seconds=TTL)


@pytest.fixture
def inspection(queues: Queues) -> Inspection:
    return Inspection(ttl_seconds=TTL)


async def look(inspection: Inspection) -> dict[str, DeviceState]:
    return {device.id: device for device in (await inspection.look(SITE, ROOM)).devices}


async def contents(redis: Redis) -> dict[str, Any]:
    return {key: await redis.dump(key) for key in await find_keys(redis)}


async def test_an_unknown_room_has_nothing(inspection: Inspection, redis: Redis) -> None:
    room = await inspection.look(SITE, ROOM)
    assert (room.epoch, room.seq, room.devices) == ("", 0, ())
    assert await find_keys(redis) == []


async def test_devices_are_online_or_have_left(inspection: Inspection, queues: Queues) -> None:
    await queues.open(PHONE)
    await queues.open(LAPTOP)
    await queues.release(PHONE)
    devices = await look(inspection)
    now_ms = (await inspection.look(SITE, ROOM)).now_ms
    assert (devices["phone"].is_online, devices["laptop"].is_online) == (False, True)
    assert devices["phone"].seen_until_ms <= now_ms < devices["laptop"].seen_until_ms


async def test_what_waits_is_shown_without_its_arguments(
    inspection: Inspection, queues: Queues, send: Sender
) -> None:
    await queues.open(PHONE)
    await send("first|thing", resync=True)
    await send("second")
    phone = (await look(inspection))["phone"]
    first, second = phone.messages
    assert (first.seq, first.id, first.event, first.resync) == (1, "1", "first|thing", True)
    assert (second.event, second.bytes) == ("second", len('["second",2]'))
    assert (phone.waiting, phone.waiting_bytes) == (2, first.bytes + second.bytes)


async def test_what_waits_for_nobody_yet_is_shown(inspection: Inspection, send: Sender) -> None:
    await send()
    nobody = (await look(inspection))[""]
    assert (nobody.waiting, nobody.is_online, nobody.seen_until_ms) == (1, False, 0)


async def test_a_long_queue_is_shown_in_part(
    inspection: Inspection, queues: Queues, send: Sender
) -> None:
    await queues.open(PHONE)
    await queues.open(LAPTOP)
    for _ in range(MAX_SHOWN):
        await send()
    devices = await look(inspection)
    assert {device.waiting for device in devices.values()} == {MAX_SHOWN}
    assert {len(device.messages) for device in devices.values()} == {MAX_SHOWN // 2}


async def test_arguments_are_read_one_message_at_a_time(
    inspection: Inspection, queues: Queues, send: Sender
) -> None:
    await queues.open(PHONE)
    await send()
    assert await inspection.read_text(PHONE, 1) == '["update",1]'
    assert await inspection.read_text(PHONE, 2) is None


async def test_looking_changes_nothing(
    inspection: Inspection, queues: Queues, send: Sender, redis: Redis
) -> None:
    await queues.open(PHONE)
    await send()
    before = await contents(redis)
    await inspection.look(SITE, ROOM)
    await inspection.read_text(PHONE, 1)
    await inspection.follow(SITE, ROOM, "1")
    assert await contents(redis) == before


async def test_a_message_is_followed_to_each_device(
    inspection: Inspection, process: Process
) -> None:
    phone = await connect(process, ROOM, device="phone")
    await connect(process, ROOM, device="laptop")
    await process.publish(ROOM, content=["hello"])
    await phone.wait_for(1)
    [waiting, _] = (await look(inspection)).values()
    message_id = waiting.messages[0].id
    phone.acknowledge(0)
    await process.settle()
    progress = {each.device: each for each in await inspection.follow(SITE, ROOM, message_id)}
    assert (progress["phone"].is_waiting, progress["laptop"].is_waiting) == (False, True)
    assert progress["laptop"].is_online


async def test_a_resync_for_who_is_away_is_kept(
    inspection: Inspection, queues: Queues, send: Sender
) -> None:
    await queues.open(PHONE)
    await send()
    await queues.release(PHONE)
    requested = await inspection.request_resync(PHONE)
    assert (requested.is_known, requested.seq) == (True, 1)
    assert (await look(inspection))["phone"].resync_reason == "requested"
    backlog = await queues.open(PHONE)
    assert (backlog.messages, backlog.resync_reason) == ((), "requested")


async def test_nobody_is_asked_where_there_is_no_device(inspection: Inspection) -> None:
    assert not (await inspection.request_resync(NOBODY)).is_known


async def request_resync(inspection: Inspection, process: Process) -> None:
    done = await inspection.request_resync(PHONE)
    await process.backplane.announce_resync(PHONE, "requested", done.epoch, done.seq)


async def test_a_client_of_another_process_reloads_each_time_it_is_asked(
    inspection: Inspection, start_process: StartProcess, queues: Queues
) -> None:
    here, there = await start_process(), await start_process()
    tab = await connect(there, ROOM, device="phone")
    await request_resync(inspection, here)
    await until(lambda: tab.resyncs == ["requested"])
    await request_resync(inspection, here)
    await until(lambda: tab.resyncs == ["requested"] * 2)
    async with asyncio.timeout(20):
        while (await look(inspection))["phone"].resync_reason:  # noqa: ASYNC110, it is in Redis
            await asyncio.sleep(0)
    assert there.switchboard.counters.of(SITE).resyncs["requested"] == 2


async def test_what_is_told_last_is_taken_before_the_process_ends(
    inspection: Inspection, own_layers: None, queues: Queues
) -> None:
    async with running_process(queues) as process:
        await connect(process, ROOM, device="phone")
        done = await inspection.request_resync(PHONE)
        told = {"site": SITE, "room": ROOM, "device": "phone", "reason": "requested"}
        process.switchboard.hear({"type": "resync", **told, "epoch": done.epoch, "seq": done.seq})
        await process.switchboard.end()
        assert (await look(inspection))["phone"].resync_reason == ""


async def test_messages_flow_on_after_a_requested_resync(
    inspection: Inspection, process: Process
) -> None:
    tab = await connect(process, ROOM, device="phone")
    await process.publish(ROOM, content=["before"])
    await tab.wait_for(1)
    await request_resync(inspection, process)
    await process.publish(ROOM, content=["after"])
    await process.settle()
    assert [event for event, *_ in tab.events] == ["before", "resync", "after"]
    assert not tab.acknowledge(0)
    assert tab.acknowledge(2)
    await process.settle()
    assert (await look(inspection))["phone"].waiting == 0


async def test_one_device_is_disconnected_wherever_it_is(start_process: StartProcess) -> None:
    here, there = await start_process(), await start_process()
    phone = await there.connect(ROOM, device="phone")
    laptop = await there.connect(ROOM, device="laptop")
    await here.backplane.announce_disconnects(SITE, [(ROOM, "phone")])
    await until(phone.is_closed_by_server.is_set)
    await there.settle()
    assert not laptop.is_closed_by_server.is_set()


async def test_a_whole_room_is_disconnected(start_process: StartProcess) -> None:
    here, there = await start_process(), await start_process()
    tabs = [await each.connect("all", device=name) for name in "ab" for each in (here, there)]
    await here.backplane.announce_disconnects(SITE, [("all", None)])
    await until(lambda: all(tab.is_closed_by_server.is_set() for tab in tabs))
