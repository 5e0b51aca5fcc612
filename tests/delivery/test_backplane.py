"""The backplane between processes: joining, announcing, leaving."""

import asyncio
import re

from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from delivery.backplane import MANY_ROOMS, Broadcast
from delivery.message import Message
from delivery.names import group_name
from delivery.queue_values import Appended, Device
from tests.delivery.backplane_fixtures import (
    SITE,
    Hearing,
    broadcast,
    count_processes,
    hear,
    hear_texts,
)
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS


async def test_processes_of_a_room_hear_what_was_stored_for_it(
    backplane: Hearing, other: Hearing
) -> None:
    await backplane.join(SITE, ["user_1"])
    await other.join(SITE, ["user_1"])
    message = Message("7", "update", '["update",1]', True, ("user_1",))
    appended = Appended("user_1", "e1", 3, "7", "6", ("phone",))
    await backplane.announce_stored(SITE, [(message, appended)])
    for each in (backplane, other):
        assert await hear(each) == {
            "type": "stored",
            "site": SITE,
            "room": "user_1",
            "epoch": "e1",
            "seq": 3,
            "id": "7",
            "previous": "6",
            "text": '["update",1]',
            "resync": True,
            "overflowed": ["phone"],
        }


async def test_broadcast_names_all_rooms_of_its_call_to_each_group(
    backplane: Hearing, other: Hearing
) -> None:
    await backplane.join(SITE, ["staff", "all"])
    await other.join(SITE, ["all"])
    message = Message("7", "hello", '["hello"]', False, ("staff", "all", "user_1"))
    await other.announce_broadcasts(SITE, [Broadcast(message, ["staff", "all"], ["user_1"])])
    expected = {
        "type": "broadcast",
        "site": SITE,
        "id": "7",
        "text": '["hello"]',
        "shared": ["staff", "all"],
        "user": ["user_1"],
    }
    assert [await hear(backplane), await hear(backplane)] == [expected, expected]
    assert await hear(other) == expected


async def test_broadcast_to_many_rooms_is_heard_once_by_every_process(
    backplane: Hearing, other: Hearing
) -> None:
    rooms = [f"room{number}" for number in range(MANY_ROOMS + 1)]
    await backplane.join(SITE, rooms)
    await broadcast(other, *rooms, content="for many")
    await broadcast(other, *rooms[1:], content="for fewer")
    assert await hear_texts(backplane, "for fewer") == ["for many", "for fewer"]
    assert await hear_texts(other, "for many") == ["for many"]


async def test_resync_names_device_reason_and_place(backplane: Hearing) -> None:
    await backplane.join(SITE, ["user_1"])
    device = Device(SITE, "user_1", "phone")
    await backplane.announce_resync(device, "out_of_order", "e1", 3)
    assert await hear(backplane) == {
        "type": "resync",
        "site": SITE,
        "room": "user_1",
        "device": "phone",
        "reason": "out_of_order",
        "epoch": "e1",
        "seq": 3,
    }


async def test_process_with_nobody_in_a_room_is_not_woken_for_it(
    backplane: Hearing, other: Hearing, redis: Redis
) -> None:
    await backplane.join(SITE, ["staff"])
    await other.join(SITE, ["all"])
    assert await count_processes(redis, "staff") == 1
    await broadcast(backplane, "staff", content="for staff")
    await broadcast(backplane, "all", content="for all")
    assert await hear_texts(other, "for all") == ["for all"]


async def test_rooms_of_two_sites_do_not_meet(backplane: Hearing) -> None:
    await backplane.join(SITE, ["staff"])
    message = Message("7", "hello", "from elsewhere", False, ("staff",))
    await backplane.announce_broadcasts("othersite", [Broadcast(message, ["staff"], [])])
    await broadcast(backplane, "staff", content="from here")
    assert await hear_texts(backplane, "from here") == ["from here"]


async def test_two_sockets_of_a_room_are_one_group_left_with_the_last(
    backplane: Hearing, redis: Redis
) -> None:
    await backplane.join(SITE, ["staff", "all"])
    await backplane.join(SITE, ["staff"])
    await broadcast(backplane, "staff", content="once")
    await broadcast(backplane, "all", content="end")
    assert await hear_texts(backplane, "end") == ["once", "end"]
    await backplane.leave(SITE, ["staff"])
    assert await count_processes(redis, "staff") == 1
    await broadcast(backplane, "staff", content="still here")
    assert await hear_texts(backplane, "still here") == ["still here"]
    await backplane.leave(SITE, ["staff"])
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while await count_processes(redis, "staff"):
            pass


async def test_nothing_announced_after_a_join_is_missed(backplane: Hearing, other: Hearing) -> None:
    for number in range(100):
        await backplane.join(SITE, [f"room {number}"])
        await broadcast(other, f"room {number}", content=str(number))
        assert (await hear(backplane))["text"] == str(number)


async def test_ten_thousand_rooms_are_joined_and_left_while_others_have_their_turns(
    backplane: Hearing, redis: Redis
) -> None:
    rooms = [f"room {number}" for number in range(10_000)]
    for do in (backplane.join, backplane.leave):
        task, turns = asyncio.create_task(do(SITE, rooms)), 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        await task
        assert turns >= 20
        if do == backplane.join:
            assert await count_processes(redis, rooms[-1]) == 1
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while await count_processes(redis, rooms[-1]):
            pass


async def test_announcements_keep_their_order(backplane: Hearing, other: Hearing) -> None:
    await other.join(SITE, ["staff"])
    texts = [str(number) for number in range(1_000)]
    await asyncio.gather(*(broadcast(backplane, "staff", content=text) for text in texts))
    assert await hear_texts(other, texts[-1]) == texts


async def test_ping_wakes_nobody(backplane: Hearing) -> None:
    await backplane.join(SITE, ["staff"])
    await backplane.ping()
    await broadcast(backplane, "staff", content="end")
    assert await hear_texts(backplane, "end") == ["end"]


@given(st.text(), st.text())
def test_every_group_name_is_legal_to_channels(site: str, room: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9\-_.]{1,99}", group_name(site, room))
