"""Acks on their way to Redis: in pipelines, in order, kept while Redis is away."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from django.conf import settings

from delivery import acks as acks_module
from delivery.exceptions import BackplaneUnavailable
from delivery.queue_values import Ack
from delivery.queues import Queues
from tests.delivery.process_fixtures import connect, running_process
from tests.delivery.queue_doubles import WatchedQueues
from tests.delivery.queue_fixtures import PHONE, ROOM, TTL_SECONDS, Clock, Sender, texts
from tests.delivery.redis_proxy import RedisProxy
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, Process, StartProcess, Tab, until


@pytest.fixture
def watched(queues: Queues) -> WatchedQueues:
    return WatchedQueues(queues)


@pytest_asyncio.fixture
async def watched_process(own_layers: None, watched: WatchedQueues) -> AsyncIterator[Process]:
    async with running_process(watched) as process:
        yield process


@pytest_asyncio.fixture
async def far(
    queues: Queues, redis_proxy: RedisProxy, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[WatchedQueues]:
    """Queues on a Redis that the test can take away."""
    monkeypatch.setitem(settings.CACHES, "far", {"LOCATION": redis_proxy.url})
    monkeypatch.setattr(acks_module, "RETRY_SECONDS", 0.0)
    far = Queues(alias="far", ttl_seconds=TTL_SECONDS, now_ms=clock)
    yield WatchedQueues(far)
    await far.close()


async def make_acks(queues: Queues, send: Sender, count: int) -> list[Ack]:
    """Have so many messages wait for the phone; return an ack for each."""
    await queues.open(PHONE)
    epochs = [(await send()).epoch for _ in range(count)]
    return [Ack(PHONE, epoch, (seq,), True) for seq, epoch in enumerate(epochs, start=1)]


async def test_acks_are_sent_in_pipelines_in_the_order_that_clients_gave_them(
    watched_process: Process,
    watched: WatchedQueues,
    send: Sender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert acks_module.ACKS_PER_PIPELINE == 500
    monkeypatch.setattr(acks_module, "ACKS_PER_PIPELINE", 3)
    acks = await make_acks(watched.queues, send, 8)
    watched_process.acks.submit(acks[:5])
    watched_process.acks.submit(acks[5:7])
    await watched_process.acks.drain(TIMEOUT_SECONDS)
    assert watched.acked == [tuple(acks[:3]), tuple(acks[3:6]), (acks[6],)]
    assert await texts(watched.queues, PHONE) == ['["update",8]']


async def test_submitting_waits_for_nothing_and_what_comes_meanwhile_goes_next(
    watched_process: Process, watched: WatchedQueues, send: Sender
) -> None:
    acks = await make_acks(watched.queues, send, 3)
    watched.gate.clear()
    watched_process.acks.submit(acks[:1])
    await until(lambda: watched.acked)
    watched_process.acks.submit(acks[1:2])
    watched_process.acks.submit(acks[2:])
    watched.gate.set()
    await watched_process.acks.drain(TIMEOUT_SECONDS)
    assert watched.acked == [(acks[0],), (acks[1], acks[2])]


async def test_ack_of_a_client_takes_its_message_off_the_queue(
    process: Process, queues: Queues
) -> None:
    tab = await connect(process, ROOM, device="phone")
    for number in (1, 2):
        await process.publish(ROOM, content=["update", number])
    await tab.wait_for(2)
    assert tab.acknowledge(1)
    await process.settle()
    assert await texts(queues, PHONE) == ['["update",1]']
    assert tab.resyncs == []


async def test_acks_are_kept_while_redis_is_away_and_sent_once_it_is_back(
    own_layers: None, far: WatchedQueues, queues: Queues, send: Sender, redis_proxy: RedisProxy
) -> None:
    acks = await make_acks(queues, send, 3)
    async with running_process(far) as process:
        far.gate.clear()
        process.acks.submit(acks[:1])
        await until(lambda: far.acked)
        process.acks.submit(acks[1:])
        await redis_proxy.shut()
        far.gate.set()
        await until(lambda: far.outages >= 2)
        await redis_proxy.open()
        await process.acks.drain(TIMEOUT_SECONDS)
        assert far.acked[-1] == tuple(acks)
    assert await texts(queues, PHONE) == []


async def test_oldest_acks_are_let_go_when_too_many_wait(
    watched_process: Process,
    watched: WatchedQueues,
    send: Sender,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert acks_module.MAX_WAITING_ACKS == 100_000
    monkeypatch.setattr(acks_module, "MAX_WAITING_ACKS", 3)
    acks = await make_acks(watched.queues, send, 5)
    watched_process.acks.submit(acks[:4])
    watched_process.acks.submit(acks[4:])
    await watched_process.acks.drain(TIMEOUT_SECONDS)
    assert watched.acked == [tuple(acks[2:])]
    assert await texts(watched.queues, PHONE) == ['["update",1]', '["update",2]']
    assert caplog.text.count("1 acks let go, their messages will come again") == 2


async def test_unexpected_failure_costs_its_acks_and_no_more(
    watched_process: Process,
    watched: WatchedQueues,
    send: Sender,
    caplog: pytest.LogCaptureFixture,
) -> None:
    acks = await make_acks(watched.queues, send, 2)
    watched.error = ZeroDivisionError()
    for ack in acks:
        watched_process.acks.submit([ack])
        await watched_process.acks.drain(TIMEOUT_SECONDS)
    assert await texts(watched.queues, PHONE) == ['["update",1]']
    assert "Acks failed, their messages will come again" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def connect_with_messages(process: Process, *others: Process) -> list[Tab]:
    """Two tabs of the phone here, one in each other process; each was sent 1, 2 and 3."""
    tabs = [await connect(each, ROOM, device="phone") for each in (process, process, *others)]
    for number in (1, 2, 3):
        await process.publish(ROOM, content=["update", number], resync=True)
    for tab in tabs:
        await tab.wait_for(3)
    return tabs


async def test_ack_out_of_order_is_told_once_to_all_sockets_of_the_device_in_all_processes(
    start_process: StartProcess, queues: Queues
) -> None:
    here, there = await start_process(), await start_process()
    laptop = await connect(there, ROOM, device="laptop")
    tabs = await connect_with_messages(here, there)
    for index in (1, 2, 0):
        tabs[0].acknowledge(index)
    await here.settle()
    await there.settle()
    assert [tab.resyncs for tab in tabs] == [["out_of_order"]] * 3
    assert laptop.resyncs == []
    late = await connect(there, ROOM, device="phone")
    assert late.events == []
    assert await texts(queues, PHONE) == []


async def test_late_acks_of_the_same_incident_do_nothing_in_another_process(
    start_process: StartProcess,
) -> None:
    here, there = await start_process(), await start_process()
    tabs = await connect_with_messages(here, there)
    tabs[0].acknowledge(2)
    await here.settle()
    await there.settle()
    assert [tabs[2].acknowledge(index) for index in (2, 1)] == [False, False]
    await there.publish(ROOM, content=["update", 4], resync=True)
    await there.settle()
    assert tabs[2].acknowledge(-1)
    await there.settle()
    assert [tab.resyncs for tab in tabs] == [["out_of_order"]] * 3


async def test_ack_out_of_order_by_a_client_that_has_left_is_told_when_it_comes_back(
    process: Process,
) -> None:
    first, second = await connect_with_messages(process)
    await process.leave(second)
    first.acknowledge(2)
    await process.leave(first)
    await process.settle()
    assert first.resyncs == []
    again = await connect(process, ROOM, device="phone")
    assert again.events == [["resync", {"reason": "out_of_order"}]]
    assert (await connect(process, ROOM, device="phone")).events == []


async def test_ack_out_of_order_is_told_here_when_the_backplane_is_away(
    process: Process, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tabs = await connect_with_messages(process)

    async def fail(*_: object) -> None:
        raise BackplaneUnavailable("gone")

    monkeypatch.setattr(process.backplane, "announce_resync", fail)
    tabs[1].acknowledge(1)
    await process.settle()
    assert [tab.resyncs for tab in tabs] == [["out_of_order"]] * 2
    assert "Other sockets of newsite/user_1 'phone' not told to resync: gone" in caplog.text


async def test_draining_waits_until_all_acks_are_in_redis(
    watched_process: Process, watched: WatchedQueues, send: Sender
) -> None:
    acks = await make_acks(watched.queues, send, 2)
    watched.gate.clear()
    watched_process.acks.submit(acks[:1])
    drained = asyncio.create_task(watched_process.acks.drain(TIMEOUT_SECONDS))
    await until(lambda: watched.acked)
    watched_process.acks.submit(acks[1:])
    await watched.queues.ping()  # time enough for a drain that does not wait
    assert not drained.done()
    watched.gate.set()
    await drained
    assert await texts(watched.queues, PHONE) == []


async def test_draining_gives_up_after_its_time(
    watched_process: Process,
    watched: WatchedQueues,
    send: Sender,
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched.gate.clear()
    watched_process.acks.submit(await make_acks(watched.queues, send, 1))
    await watched_process.acks.drain(timeout_seconds=0)
    assert "Acks not sent within 0 s, their messages will come again" in caplog.text


async def test_draining_nothing_takes_no_time(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    await process.acks.drain(timeout_seconds=0)
    assert caplog.text == ""
