"""What is unsent of a transport, counted as python-engineio takes it."""

import asyncio
import gc

import pytest
from engineio.packet import MESSAGE, NOOP, OPEN, PING, Packet

from delivery import send_queue
from delivery.send_queue import (
    DRAINED_BYTES,
    MAX_TAKEN_BYTES,
    SHARE_BYTES,
    Frame,
    SendQueue,
    Unsent,
)
from tests.delivery.send_queue_doubles import frame
from tests.delivery.socket_fixtures import until


async def take_all(queue: SendQueue) -> list[Packet | None]:
    """As python-engineio does when it polls."""
    packets = [await queue.get()]
    while True:
        try:
            packets.append(queue.get_nowait())
        except asyncio.QueueEmpty:
            return packets


def test_a_frame_knows_its_bytes() -> None:
    assert Frame(MESSAGE, "abc").size == 3
    assert Frame(MESSAGE, "é€😀").size == 9


async def test_packets_come_in_the_order_they_were_put() -> None:
    queue, frames = SendQueue(), [frame(), frame(), frame()]
    for each in frames:
        queue.put_nowait(each)
    assert await take_all(queue) == frames


async def test_what_was_taken_counts_as_unsent_until_more_is_asked_for() -> None:
    queue = SendQueue()
    queue.put_nowait(frame(100))
    queue.put_nowait(frame(50))
    await take_all(queue)
    assert queue.unsent_bytes == 150
    asking = asyncio.create_task(queue.get())
    await until(lambda: queue.unsent_bytes == 0)
    queue.put_nowait(frame(7))
    await asking
    assert queue.unsent_bytes == 7


async def test_no_more_is_taken_at_once_than_can_be_kept() -> None:
    queue = SendQueue()
    for _ in range(5):
        queue.put_nowait(frame(MAX_TAKEN_BYTES // 2))
    assert [len(await take_all(queue)) for _ in range(3)] == [2, 2, 1]


async def test_a_frame_larger_than_that_is_taken_alone() -> None:
    queue = SendQueue()
    for _ in range(2):
        queue.put_nowait(frame(3 * MAX_TAKEN_BYTES))
    assert [len(await take_all(queue)) for _ in range(2)] == [1, 1]


async def test_a_ping_overtakes_what_waits() -> None:
    queue, ping = SendQueue(), Packet(PING)
    queue.put_nowait(frame())
    queue.put_nowait(Packet(NOOP))
    queue.put_nowait(ping)
    assert (await take_all(queue))[0] is ping


async def test_no_ping_overtakes_what_opens_the_session() -> None:
    queue, opening, ping = SendQueue(), Packet(OPEN), Packet(PING)
    for packet in (opening, frame(), ping):
        queue.put_nowait(packet)
    assert queue.look_at_opening() is opening
    assert (await take_all(queue))[:2] == [opening, ping]
    assert queue.look_at_opening() is None


async def test_whoever_waits_goes_on_when_little_is_left() -> None:
    queue = SendQueue()
    await queue.drained()
    for _ in range(3):
        queue.put_nowait(frame(DRAINED_BYTES - 1))
    waiting = asyncio.create_task(queue.drained())
    for _ in range(2):
        await queue.get()
    await asyncio.sleep(0)
    assert not waiting.done()
    await queue.get()
    await waiting


@pytest.mark.parametrize("taken", [0, 1])
async def test_clearing_drops_what_was_not_taken_and_lets_the_waiting_go_on(taken: int) -> None:
    queue = SendQueue()
    for _ in range(3):
        queue.put_nowait(frame(DRAINED_BYTES))
    for _ in range(taken):
        await queue.get()
    waiting = asyncio.create_task(queue.drained())
    await asyncio.sleep(0)
    queue.clear()
    await waiting
    assert queue.unsent_bytes == taken * DRAINED_BYTES
    assert queue.empty()


async def test_one_that_gave_up_waiting_does_no_harm() -> None:
    queue = SendQueue()
    queue.put_nowait(frame(2 * DRAINED_BYTES))
    waiting = asyncio.create_task(queue.drained())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    queue.clear()
    await queue.drained()


async def test_while_all_have_much_unsent_each_may_have_but_its_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(send_queue, "MAX_UNSENT_OF_ALL_BYTES", 3 * SHARE_BYTES)
    monkeypatch.setattr(send_queue, "COUNT_SECONDS", -1.0)
    unsent = Unsent()
    queue, other, third = (SendQueue(unsent) for _ in range(3))
    for each in (queue, other):
        each.put_nowait(frame(SHARE_BYTES + 1))
    assert not queue.has_unsent(DRAINED_BYTES)
    third.put_nowait(frame(SHARE_BYTES))
    assert queue.has_unsent(DRAINED_BYTES)
    assert other.has_unsent(DRAINED_BYTES)
    assert not third.has_unsent(DRAINED_BYTES)
    other.clear()
    assert not queue.has_unsent(DRAINED_BYTES)


async def test_transports_that_are_gone_have_nothing_unsent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(send_queue, "MAX_UNSENT_OF_ALL_BYTES", 2 * SHARE_BYTES)
    monkeypatch.setattr(send_queue, "COUNT_SECONDS", -1.0)
    unsent = Unsent()
    queue, other = SendQueue(unsent), SendQueue(unsent)
    for each in (queue, other):
        each.put_nowait(frame(SHARE_BYTES + 1))
    assert queue.has_unsent(DRAINED_BYTES)
    del each, other
    gc.collect()
    assert not queue.has_unsent(DRAINED_BYTES)
