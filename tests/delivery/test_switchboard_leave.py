"""Sockets that join and leave, and what a process keeps of them."""

import weakref

import pytest
from django.conf import settings
from redis.asyncio import Redis

from delivery.exceptions import BackplaneUnavailable
from delivery.names import queue_key
from delivery.queue_values import Device
from delivery.queues import Queues
from tests.delivery.process_fixtures import connect, running_process
from tests.delivery.publish_doubles import FailingQueues
from tests.delivery.queue_fixtures import LAPTOP, PHONE, ROOM, SITE
from tests.delivery.socket_fixtures import Process, StartProcess

HELLO = ["hello", 1]


async def is_held(redis: Redis, device: Device) -> bool:
    """Whether a process holds a lease on the device."""
    queue = queue_key(settings.CONFIG.redis.prefix, device.site, device.room, device.id)
    return bool(await redis.exists(queue.replace(":queue:", ":holders:")))


async def test_device_is_released_with_its_last_socket_in_this_process(
    process: Process, redis: Redis
) -> None:
    first, second = [await connect(process, ROOM, device="phone") for _ in range(2)]
    laptop = await connect(process, ROOM, device="laptop")
    await process.leave(first)
    assert await is_held(redis, PHONE)
    await process.leave(second)
    assert not await is_held(redis, PHONE)
    assert await is_held(redis, LAPTOP)
    await process.leave(laptop)
    assert not await is_held(redis, LAPTOP)


async def test_device_that_is_back_before_redis_has_let_it_go_is_held(
    process: Process, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two travel over two connections."""
    release = process.queues.release

    async def come_back_and_release(device: Device) -> None:
        await connect(process, ROOM, device="phone")
        await release(device)

    tab = await connect(process, ROOM, device="phone")
    with monkeypatch.context() as patch:
        patch.setattr(process.queues, "release", come_back_and_release)
        await process.leave(tab)
    assert await is_held(redis, PHONE)


async def test_device_that_cannot_be_released_is_left_to_its_lease(
    own_layers: None, queues: Queues, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "delivery.switchboard")
    async with running_process(FailingQueues(queues, {"release"})) as process:
        tab = await connect(process, ROOM, "user_2", device="phone")
        await process.leave(tab)
        assert len(process.switchboard) == 0
    assert await is_held(redis, PHONE)
    assert "newsite/user_1 'phone' not released, its lease will run out: gone" in caplog.text


async def test_feeds_of_a_socket_that_has_left_are_gone_with_it(process: Process) -> None:
    """Each knows its socket: both would wait for the garbage collector."""
    tab = await connect(process, ROOM)
    feed = weakref.ref(tab.connection.feeds[ROOM])
    await process.leave(tab)
    assert feed() is None


async def test_socket_that_has_left_gets_nothing_more_and_its_process_hears_nothing(
    start_process: StartProcess,
) -> None:
    process, other = await start_process(), await start_process()
    tab = await connect(process, ROOM, "staff")
    await other.publish(ROOM, content=HELLO)
    await process.settle()
    await process.leave(tab)
    await process.leave(tab)
    await other.publish(ROOM, "staff", content=HELLO)
    await process.settle()
    assert tab.events == [HELLO]
    assert len(process.heard) == 1
    assert not tab.acknowledge(0)


async def test_socket_that_could_not_join_leaves_nothing_behind(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = process.backplane.join

    async def fail(site: str, rooms: tuple[str, ...]) -> None:
        await join(site, rooms)
        raise BackplaneUnavailable("gone")

    monkeypatch.setattr(process.backplane, "join", fail)
    with pytest.raises(BackplaneUnavailable):
        await process.connect("staff", sid="failed")
    failed = process.switchboard.find("failed")
    assert failed is not None
    await process.switchboard.leave(failed)
    assert process.switchboard.find("failed") is None
    monkeypatch.undo()
    tab = await connect(process, "staff")
    await process.publish("staff", content=HELLO)
    await process.settle()
    assert tab.events == [HELLO]


async def test_connections_are_counted_and_found_and_their_devices_named_once(
    process: Process,
) -> None:
    tabs = [await process.connect(ROOM, "staff", device="phone", sid=sid) for sid in ("a", "b")]
    tabs.append(await process.connect(ROOM, "user_2", device="laptop", sid="c"))
    assert len(process.switchboard) == 3
    assert list(process.switchboard) == [tab.connection for tab in tabs]
    assert process.switchboard.find("b") is tabs[1].connection
    assert process.switchboard.find("d") is None
    expected = [PHONE, LAPTOP, Device(SITE, "user_2", "laptop")]
    assert sorted(process.switchboard.positions()) == sorted(expected)
