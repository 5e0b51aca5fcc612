"""Queues that were given up, and the sockets that are told to reload."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from django.conf import settings
from redis.asyncio import Redis

from delivery.names import room_key
from delivery.queue_values import Device
from delivery.queues import Queues
from tests.delivery.process_fixtures import connect, events, running_process
from tests.delivery.queue_fixtures import LAPTOP, PHONE, ROOM, TTL_SECONDS, Clock
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, Process


@pytest_asyncio.fixture
async def small_process(own_layers: None, redis: Redis, clock: Clock) -> AsyncIterator[Process]:
    """A process whose queues are full with two messages."""
    queues = Queues(ttl_seconds=TTL_SECONDS, max_messages=2, now_ms=clock)
    async with running_process(queues) as process:
        yield process
    await queues.close()


async def wait_until_told(redis: Redis, device: Device) -> None:
    """Return once no resync is pending in Redis."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while await redis.hexists(
            room_key(settings.CONFIG.redis.prefix, device.site, device.room), f"resync:{device.id}"
        ):
            pass


async def test_overflow_is_told_live_to_each_socket_of_the_device_and_not_again(
    small_process: Process, redis: Redis
) -> None:
    tabs = [await connect(small_process, ROOM, device="phone") for _ in range(2)]
    for number in (1, 2, 3):
        await small_process.publish(ROOM, content=["update", number])
    for tab in tabs:
        await tab.wait_for(3)
        assert tab.events[2:] == [["resync", {"reason": "overflow"}]]
    await wait_until_told(redis, PHONE)
    late = await connect(small_process, ROOM, device="phone")
    await small_process.publish(ROOM, content=["update", 4])
    await small_process.settle()
    assert events(*tabs, late) == [[*tabs[0].events[:3], ["update", 4]]] * 2 + [[["update", 4]]]


async def test_overflow_of_one_device_is_no_matter_of_another(small_process: Process) -> None:
    phone = await connect(small_process, ROOM, device="phone")
    laptop = await connect(small_process, ROOM, device="laptop")
    for number in (1, 2, 3):
        await small_process.publish(ROOM, content=["update", number])
        await laptop.wait_for(number)
        laptop.acknowledge(number - 1)
        await small_process.settle()
    assert phone.resyncs == ["overflow"]
    assert laptop.events == [["update", number] for number in (1, 2, 3)]


async def test_overflow_while_nobody_is_ready_is_told_on_going_live(
    small_process: Process,
) -> None:
    tab = small_process.make_tab(ROOM, device="phone")
    await small_process.switchboard.join(tab.connection)
    for number in (1, 2, 3, 4):
        await small_process.publish(ROOM, content=["update", number])
    await small_process.settle()
    assert tab.events == []
    small_process.switchboard.go_live(tab.connection)
    await small_process.settle()
    assert tab.events == [["resync", {"reason": "overflow"}], ["update", 4]]


async def test_resync_reaches_the_sockets_of_its_device_only(process: Process) -> None:
    first, second = [await connect(process, ROOM, device="phone") for _ in range(2)]
    laptop, other = await connect(process, ROOM, device="laptop"), await connect(process, "user_2")
    await process.backplane.announce_resync(PHONE, "out_of_order", "e1", 3)
    await process.settle()
    assert events(first, second) == [[["resync", {"reason": "out_of_order"}]]] * 2
    assert events(laptop, other) == [[], []]


async def test_resync_counts_the_sockets_that_it_told(process: Process) -> None:
    tabs = [await connect(process, ROOM, device="phone") for _ in range(2)]
    assert process.switchboard.resync(PHONE, "overflow", "e1", 3) == 2
    assert process.switchboard.resync(LAPTOP, "overflow", "e1", 3) == 0
    assert [tab.resyncs for tab in tabs] == [["overflow"], ["overflow"]]
