"""What a receipt tells of a message, on real queues and with several processes."""

import pytest
from redis.asyncio import Redis

from delivery.exceptions import RedisUnavailable
from delivery.inspection import Inspection
from delivery.journal import Journal
from delivery.queue_values import Device
from delivery.queues import Queues
from delivery.receipts import Receipts
from tests.delivery.process_fixtures import connect
from tests.delivery.publish_doubles import FailingQueues
from tests.delivery.queue_fixtures import PHONE, ROOM, SITE, find_keys
from tests.delivery.receipt_fixtures import TTL_SECONDS, find, queues, send
from tests.delivery.socket_fixtures import Process, StartProcess

__all__ = ["queues"]


async def pass_milliseconds(redis: Redis, count: int) -> None:
    """Ask Redis for its time until so many have passed there: two steps may share one."""

    async def now_us() -> int:
        seconds, microseconds = await redis.time()
        return int(seconds) * 1_000_000 + int(microseconds)

    end_us = await now_us() + 1000 * count
    while await now_us() < end_us:
        pass


async def states(process: Process, message_id: str, room: str = ROOM) -> dict[str, str]:
    """`{device: state, or why it was dropped}`."""
    devices = (await find(process, message_id)).rooms[room]
    return {each.device: each.reason or each.state for each in devices}


async def test_a_message_waits_for_whoever_comes(process: Process) -> None:
    message_id = await send(process)
    answer = (await find(process, message_id)).answer()
    assert answer.pop("at")
    assert answer == {
        "ok": True,
        "id": message_id,
        "event": "hello",
        "rooms": [{"room": ROOM, "devices": [{"device": "", "state": "waiting"}]}],
        "rooms_left_out": 0,
        "broadcast": {"rooms": 0, "sockets": 0},
    }


async def test_messages_that_could_not_be_sent_take_no_receipt_of_others(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    process.journal = process.publisher._journal = Journal(2)  # one at once
    with monkeypatch.context() as patch:
        patch.setattr(process.storing, "_queues", FailingQueues(process.queues, {"append_all"}))
        for _ in range(3):
            with pytest.raises(RedisUnavailable):
                await send(process)
    message_id = await send(process)
    assert (await find(process, message_id)).noted.id == message_id


async def test_each_device_has_its_own_state_and_times(process: Process, queues: Queues) -> None:
    await queues.open(Device(SITE, ROOM, "watch"))
    phone = await connect(process, ROOM, device="phone")
    await connect(process, ROOM, device="laptop")
    message_id = await send(process)
    await process.settle()
    phone.acknowledge(0)
    await process.settle()
    assert await states(process, message_id) == {
        "phone": "acked",
        "laptop": "sent",
        "watch": "waiting",
    }
    [acked] = [
        each for each in (await find(process, message_id)).rooms[ROOM] if each.device == "phone"
    ]
    assert acked.acked_ms >= acked.sent_ms > 0
    assert acked.answer().keys() == {"device", "state", "sent_at", "acked_at"}


async def test_a_batch_is_told_of_each_of_its_messages(process: Process) -> None:
    ids = [await send(process) for _ in range(2)]
    phone = await connect(process, ROOM, device="phone")
    assert [await states(process, each) for each in ids] == [{"phone": "sent"}] * 2
    phone.acknowledge(0)
    await process.settle()
    assert [await states(process, each) for each in ids] == [{"phone": "acked"}] * 2


async def test_a_device_that_came_later_is_left_out(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.receipt_values.UNTOLD_MS", 0)
    phone = await connect(process, ROOM, device="phone")
    message_id = await send(process)
    await process.settle()
    phone.acknowledge(0)
    await connect(process, ROOM, device="laptop")
    assert await states(process, message_id) == {"phone": "acked"}


async def test_messages_of_a_full_queue_are_dropped(process: Process, queues: Queues) -> None:
    await queues.open(PHONE)
    ids = [await send(process) for _ in range(4)]
    found = [await states(process, each) for each in ids]
    assert found == [{"phone": "overflow"}] * 3 + [{"phone": "waiting"}]


async def test_an_ack_out_of_order_drops_what_waits(process: Process) -> None:
    phone = await connect(process, ROOM, device="phone")
    first, second = [await send(process, resync=True) for _ in range(2)]
    await process.settle()
    phone.acknowledge(1)
    await process.settle()
    assert await states(process, first) == {"phone": "out_of_order"}
    assert await states(process, second) == {"phone": "out_of_order"}
    [dropped] = (await find(process, first)).rooms[ROOM]
    assert dropped.dropped_ms >= dropped.sent_ms > 0


async def test_each_drop_is_told_with_its_own_reason(process: Process, queues: Queues) -> None:
    await queues.open(PHONE)
    first = await send(process)
    await queues.clear(PHONE)
    second = await send(process)
    await Inspection(ttl_seconds=TTL_SECONDS).request_resync(PHONE)
    assert await states(process, first) == {"phone": "cleared"}
    assert await states(process, second) == {"phone": "requested"}


async def test_what_a_first_device_takes_over_keeps_why_it_was_dropped(
    process: Process, queues: Queues
) -> None:
    ids = [await send(process) for _ in range(3)]
    assert await states(process, ids[0]) == {"": "overflow"}
    await queues.open(PHONE)
    assert await states(process, ids[0]) == {"phone": "overflow"}


async def test_a_room_that_redis_has_lost_says_so(process: Process, redis: Redis) -> None:
    await connect(process, ROOM, device="phone")
    message_id = await send(process)
    await process.settle()
    await states(process, message_id)
    await redis.delete(*await find_keys(redis, "sioweb:{newsite/*"))
    assert await states(process, message_id) == {"phone": "state_lost"}


async def test_a_message_expires(process: Process, queues: Queues, redis: Redis) -> None:
    await queues.open(PHONE)
    await queues.release(PHONE)
    message_id = await send(process)
    receipts = Receipts(process.journal, ttl_seconds=TTL_SECONDS)
    receipts._ttl_ms = 1
    await pass_milliseconds(redis, 2)
    found = await receipts.find(SITE, message_id)
    assert found is not None
    assert [each.state for each in found.rooms[ROOM]] == ["expired"]


async def test_shared_rooms_count_the_sockets_of_all_processes(start_process: StartProcess) -> None:
    one, other = await start_process(), await start_process()
    for process in (one, other, other):
        await connect(process, "staff")
    message_id = await send(one, "staff", "all")
    for process in (one, other):
        await process.settle()
    assert (await find(one, message_id)).answer()["broadcast"] == {"rooms": 2, "sockets": 1}
    await Receipts(other.journal).end()
    assert (await find(one, message_id)).answer()["broadcast"] == {"rooms": 2, "sockets": 3}


async def test_notes_of_another_process_wait_until_the_message_is_there(
    start_process: StartProcess,
) -> None:
    one, other = await start_process(), await start_process()
    phone = await connect(other, ROOM, device="phone")
    message_id = await send(one)
    await other.settle()
    phone.acknowledge(0)
    await other.settle()
    await Receipts(other.journal).write()  # before `one` has written
    assert await states(one, message_id) == {"phone": "unknown"}
    await Receipts(other.journal).end()
    assert await states(one, message_id) == {"phone": "acked"}
