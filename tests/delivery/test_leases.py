"""Leases are renewed while their devices are here, and find what was not announced."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio
from django.conf import settings
from redis.asyncio import Redis

from delivery import leases as leases_module
from delivery.leases import Leases
from delivery.names import devices_key
from delivery.queue_values import Device
from delivery.queues import LEASE_SECONDS, Queues
from tests.delivery.process_fixtures import connect, running_process
from tests.delivery.queue_doubles import WatchedQueues
from tests.delivery.queue_fixtures import (
    LAPTOP,
    PHONE,
    ROOM,
    SITE,
    TTL_SECONDS,
    Clock,
    Sender,
)
from tests.delivery.redis_proxy import RedisProxy
from tests.delivery.socket_fixtures import Process, until


@pytest.fixture
def watched(queues: Queues) -> WatchedQueues:
    return WatchedQueues(queues)


@pytest_asyncio.fixture
async def process(own_layers: None, watched: WatchedQueues) -> AsyncIterator[Process]:
    async with running_process(watched) as process:
        yield process


def start_leases(process: Process) -> Leases:
    """Start the renewals of this process; they end with it."""
    leases = Leases(process.queues, process.switchboard)
    process.tasks.start(leases.run())
    return leases


async def seen_until_ms(redis: Redis, device: Device) -> float | None:
    """The end of the device's lease."""
    key = devices_key(settings.CONFIG.redis.prefix, device.site, device.room)
    score: float | None = await redis.zscore(key, device.id)
    return score


def make_far(proxy: RedisProxy, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> WatchedQueues:
    """Queues on a Redis that the test can take away."""
    monkeypatch.setitem(settings.CACHES, "far", {"LOCATION": proxy.url})
    return WatchedQueues(Queues(alias="far", ttl_seconds=TTL_SECONDS, now_ms=clock))


async def test_renewal_extends_the_leases_of_the_devices_that_are_here(
    process: Process, watched: WatchedQueues, redis: Redis, clock: Clock
) -> None:
    await connect(process, ROOM, device="phone")
    gone = await connect(process, ROOM, device="laptop")
    await process.leave(gone)
    left_at = clock.ms
    clock.advance(LEASE_SECONDS - 1)
    start_leases(process)
    await until(lambda: watched.done)
    assert await seen_until_ms(redis, PHONE) == clock.ms + LEASE_SECONDS * 1000
    assert await seen_until_ms(redis, LAPTOP) == left_at
    assert watched.renewed == [(PHONE,)]


async def test_leases_are_renewed_again_and_again(
    process: Process, watched: WatchedQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 3 * leases_module.RENEWAL_SECONDS <= LEASE_SECONDS
    monkeypatch.setattr(leases_module, "RENEWAL_SECONDS", 0.0)
    await connect(process, ROOM, device="phone")
    start_leases(process)
    await until(lambda: len(watched.renewed) >= 3)
    assert set(watched.renewed) == {(PHONE,)}


async def test_renewals_go_in_pipelines_and_name_each_device_once(
    process: Process, watched: WatchedQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leases_module.DEVICES_PER_PIPELINE == 500
    monkeypatch.setattr(leases_module, "DEVICES_PER_PIPELINE", 2)
    rooms = [f"user_{number}" for number in range(5)]
    for _ in range(2):
        await connect(process, *rooms, "staff", device="phone")
    start_leases(process)
    devices = [Device(SITE, room, "phone") for room in rooms]
    await until(lambda: len(watched.renewed) >= 3)
    assert watched.renewed == [tuple(devices[:2]), tuple(devices[2:4]), (devices[4],)]


async def test_renewal_finds_the_messages_that_were_not_announced(
    process: Process, send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    tabs = [await connect(process, ROOM, device=device) for device in ("phone", "laptop", "phone")]
    await send()
    await send()
    start_leases(process)
    for tab in tabs:
        await tab.wait_for(2)
        assert tab.events == [["update", 1], ["update", 2]]


async def test_renewal_is_silent_when_nothing_was_missed(
    process: Process, watched: WatchedQueues
) -> None:
    tab = await connect(process, ROOM, device="phone")
    await process.publish(ROOM, content=["update", 1])
    await tab.wait_for(1)
    leases = start_leases(process)
    await until(lambda: watched.renewed)
    leases.renew_now()
    await until(lambda: len(watched.renewed) == 2)
    await process.settle()
    assert tab.events == [["update", 1]]


async def test_renewal_finds_that_redis_has_lost_its_state(process: Process, redis: Redis) -> None:
    tab = await connect(process, ROOM, device="phone")
    await process.publish(ROOM, content=["update", 1])
    await tab.wait_for(1)
    await redis.flushdb()
    start_leases(process)
    await tab.wait_for(2)
    await process.settle()
    assert tab.resyncs == ["state_lost"]
    assert await seen_until_ms(redis, PHONE) is not None


async def test_renew_now_does_not_wait_for_the_next_turn(
    process: Process, watched: WatchedQueues, send: Sender
) -> None:
    tab = await connect(process, ROOM, device="phone")
    leases = start_leases(process)
    await until(lambda: watched.renewed)
    await send()
    leases.renew_now()
    await tab.wait_for(1)
    assert len(watched.renewed) == 2


async def test_renew_now_during_a_renewal_is_not_forgotten(
    process: Process, watched: WatchedQueues, send: Sender
) -> None:
    tab = await connect(process, ROOM, device="phone")
    watched.gate.clear()
    leases = start_leases(process)
    await until(lambda: watched.renewed)
    leases.renew_now()
    leases.renew_now()
    watched.gate.set()
    await until(lambda: len(watched.renewed) == 2)
    await send()
    leases.renew_now()
    await tab.wait_for(1)
    assert len(watched.renewed) == 3


async def test_announcements_missed_while_the_subscription_was_broken_are_found(
    process: Process, watched: WatchedQueues, redis: Redis, send: Sender
) -> None:
    tab = await connect(process, ROOM, device="phone")
    leases = start_leases(process)
    await until(lambda: watched.renewed)
    process.backplane.on_reconnect(leases.renew_now)
    await send()
    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
    await tab.wait_for(1)
    assert tab.events == [["update", 1]]


async def test_redis_out_of_reach_is_asked_again_and_what_was_missed_is_found(
    own_layers: None,
    redis_proxy: RedisProxy,
    clock: Clock,
    send: Sender,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(leases_module, "RETRY_SECONDS", 0.0)
    far = make_far(redis_proxy, clock, monkeypatch)
    async with running_process(far) as process:
        tab = await connect(process, ROOM, device="phone")
        await redis_proxy.shut()
        start_leases(process)
        await until(lambda: far.outages >= 2)
        await send()
        assert tab.events == []
        assert not tab.is_closed_by_server.is_set()
        await redis_proxy.open()
        await tab.wait_for(1)
        assert tab.events == [["update", 1]]
    await far.queues.close()
    assert "Leases not renewed, trying again: Redis: " in caplog.text


async def test_unexpected_failure_does_not_end_the_renewals(
    process: Process,
    watched: WatchedQueues,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(leases_module, "RETRY_SECONDS", 0.0)
    await connect(process, ROOM, device="phone")
    watched.error = ZeroDivisionError()
    start_leases(process)
    await until(lambda: len(watched.renewed) == 2)
    assert "Leases not renewed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_renewals_end_when_they_are_cancelled(
    process: Process, watched: WatchedQueues
) -> None:
    await connect(process, ROOM, device="phone")
    task = asyncio.create_task(Leases(cast("Queues", watched), process.switchboard).run())
    await until(lambda: watched.renewed)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_renewal_counts_what_waits_for_clients_that_are_online(process: Process) -> None:
    tab = await connect(process, ROOM, device=PHONE.id)
    await process.publish(ROOM, content=["first"])
    await process.publish(ROOM, content=["second"])
    await tab.wait_for(2)
    start_leases(process)
    counts = process.switchboard.counters.of(SITE)
    await until(lambda: counts.waiting == 2)
    tab.acknowledge(0)
    await process.settle()
    start_leases(process)
    await until(lambda: counts.waiting == 1)
