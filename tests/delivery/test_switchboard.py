"""Announcements and the sockets of a process that they are for."""

from typing import cast

import pytest
from redis.asyncio import Redis

from delivery.backplane import Announcement, Backplane, Broadcast
from delivery.connections import MAX_UNSENT_BYTES, MAX_UNSENT_WITH_BROADCASTS, TOO_SLOW
from delivery.counters import Counters
from delivery.journal import Journal
from delivery.message import Message
from delivery.queue_values import NOWHERE, Device
from delivery.queues import Queues
from delivery.switchboard import Switchboard
from tests.delivery.http_fixtures import make_site
from tests.delivery.process_fixtures import connect, events
from tests.delivery.queue_fixtures import PHONE, ROOM, SITE, find_keys
from tests.delivery.socket_fixtures import Process, StartProcess, until

HELLO = ["hello", 1]
UPDATE = ["update", {"id": 1}]


async def test_message_for_a_user_asks_for_an_ack_and_waits_until_it_comes(
    process: Process, queues: Queues
) -> None:
    tab = await connect(process, ROOM, device="phone")
    await process.publish(ROOM, content=UPDATE)
    [sent] = await tab.wait_for(1)
    assert sent.content == UPDATE
    assert len((await queues.read(PHONE, NOWHERE)).messages) == 1
    tab.acknowledge(0)
    await process.settle()
    assert (await queues.read(PHONE, NOWHERE)).messages == ()


async def test_broadcast_asks_for_no_ack_and_is_not_stored(process: Process, redis: Redis) -> None:
    tab = await connect(process, "staff")
    await process.publish("staff", content=HELLO)
    [sent] = await tab.wait_for(1)
    assert sent.content == HELLO
    assert sent.ack_id is None
    assert await find_keys(redis) == []


async def test_message_reaches_all_of_its_room_and_nobody_else(process: Process) -> None:
    tabs = [await connect(process, room) for room in ("staff", "staff", "guests", ROOM, "user_2")]
    await process.publish("staff", content=HELLO)
    await process.publish(ROOM, content=UPDATE)
    await process.settle()
    assert events(*tabs) == [[HELLO], [HELLO], [], [UPDATE], []]


async def test_message_reaches_the_sockets_of_all_processes(start_process: StartProcess) -> None:
    here, there = await start_process(), await start_process()
    tabs = [await connect(each, "staff", ROOM, device="phone") for each in (here, there)]
    await here.publish("staff", content=HELLO)
    await there.publish(ROOM, content=UPDATE)
    for tab in tabs:
        await tab.wait_for(2)
    await here.settle()
    await there.settle()
    assert [sorted(each, key=str) for each in events(*tabs)] == [[HELLO, UPDATE]] * 2


async def test_client_in_several_rooms_of_a_call_gets_one_copy(process: Process) -> None:
    both, one = await connect(process, "staff", "all"), await connect(process, "all")
    await process.publish("staff", "all", content=HELLO)
    await process.settle()
    assert events(both, one) == [[HELLO], [HELLO]]


async def test_stored_copy_wins_over_the_broadcast(process: Process) -> None:
    user, other = await connect(process, ROOM, "staff"), await connect(process, "user_2", "staff")
    await process.publish("staff", ROOM, content=HELLO)
    await process.settle()
    assert events(user, other) == [[HELLO], [HELLO]]
    assert user.socket.sent[0].ack_id is not None
    assert other.socket.sent[0].ack_id is None


async def test_client_in_two_user_rooms_of_a_call_gets_one_copy_whose_ack_ends_both(
    process: Process, queues: Queues
) -> None:
    tab = await connect(process, ROOM, "user_2", "staff", device="phone")
    await process.publish("user_2", "staff", ROOM, content=HELLO)
    await process.settle()
    assert tab.events == [HELLO]
    tab.acknowledge(0)
    await process.settle()
    for room in (ROOM, "user_2"):
        assert (await queues.read(Device(SITE, room, "phone"), NOWHERE)).messages == ()


async def test_message_that_waited_in_two_user_rooms_comes_once(
    process: Process, queues: Queues
) -> None:
    await process.publish("user_2", ROOM, content=HELLO)
    tab = await connect(process, ROOM, "user_2", device="phone")
    await process.settle()
    assert tab.events == [["batch", [HELLO]]]
    tab.acknowledge(0)
    await process.settle()
    for room in (ROOM, "user_2"):
        assert (await queues.read(Device(SITE, room, "phone"), NOWHERE)).messages == ()


async def test_broadcast_that_a_sender_repeats_is_heard_once(process: Process) -> None:
    tab = await connect(process, "staff", "all")
    message = Message.build("7", "hello", [1], False, ["staff", "all"])
    for _ in range(2):
        await process.backplane.announce_broadcasts(
            SITE, [Broadcast(message, ["staff", "all"], [])]
        )
    await process.settle()
    assert len(process.heard) == 4
    assert tab.events == [HELLO]


async def test_socket_that_has_joined_gets_nothing_before_its_client_is_ready(
    process: Process,
) -> None:
    tab = process.make_tab(ROOM, "staff", device="phone")
    await process.switchboard.join(tab.connection)
    await process.publish("staff", content=HELLO)
    await process.publish(ROOM, content=UPDATE)
    await process.settle()
    assert len(process.heard) == 2
    assert tab.events == []
    process.switchboard.go_live(tab.connection)
    await process.settle()
    assert tab.events == [UPDATE]


async def test_socket_that_is_not_ready_gets_the_stored_copy_later_and_no_broadcast(
    process: Process,
) -> None:
    joined = process.make_tab(ROOM, "staff")
    await process.switchboard.join(joined.connection)
    staff = await connect(process, "staff")
    await process.publish("staff", ROOM, content=HELLO)
    await process.settle()
    process.switchboard.go_live(joined.connection)
    await process.settle()
    assert events(staff, joined) == [[HELLO], [HELLO]]


async def test_sockets_of_two_sites_never_meet(process: Process) -> None:
    here = process.site
    tab = await connect(process, ROOM, "staff", device="phone")
    process.site = make_site("othersite")
    stranger = await process.connect(ROOM, "staff", device="phone")
    process.site = here
    await process.settle()
    await process.publish(ROOM, content=UPDATE)
    await process.publish("staff", content=HELLO)
    await process.backplane.announce_resync(PHONE, "overflow", "e1", 3)
    await process.settle()
    assert len(tab.events) == 3
    assert stranger.events == []
    assert {sent.namespace for sent in tab.socket.sent} == {"/newsite"}


@pytest.mark.parametrize(
    "announcement",
    [
        {"type": "stored", "room": ROOM, "epoch": "e1", "seq": 3, "id": "7", "text": "[]"}
        | {"resync": False, "overflowed": ["phone"]},
        {"type": "broadcast", "id": "7", "text": "[]", "shared": ["staff"], "user": [ROOM]},
        {"type": "resync", "room": ROOM, "device": "", "reason": "overflow", "epoch": "e1"}
        | {"seq": 3},
    ],
    ids=lambda announcement: str(announcement["type"]),
)
def test_late_announcement_for_a_room_that_is_empty_by_now_is_no_matter(
    announcement: Announcement,
) -> None:
    switchboard = Switchboard(cast("Queues", None), cast("Backplane", None), Counters(), Journal())
    switchboard.hear({"site": SITE, **announcement})
    assert len(switchboard) == 0


async def test_what_is_sent_between_the_join_and_the_first_read_waits_for_a_second_device_too(
    process: Process,
) -> None:
    phone = await connect(process, ROOM, device="phone")
    tablet = process.make_tab(ROOM, device="tablet")
    await process.switchboard.join(tablet.connection)
    await process.publish(ROOM, content=UPDATE)
    process.switchboard.go_live(tablet.connection)
    [sent] = await tablet.wait_for(1)
    assert sent.content == UPDATE
    assert [each.content for each in await phone.wait_for(1)] == [UPDATE]


async def test_only_what_waited_before_the_join_comes_as_a_batch(process: Process) -> None:
    await process.publish(ROOM, content=HELLO)
    tab = process.make_tab(ROOM)
    await process.switchboard.join(tab.connection)
    await process.publish(ROOM, content=UPDATE)
    process.switchboard.go_live(tab.connection)
    await tab.wait_for(2)
    assert tab.events == [["batch", [HELLO]], UPDATE]


async def test_a_slow_socket_of_shared_rooms_is_closed_and_told_why(process: Process) -> None:
    slow, other = [await connect(process, "staff") for _ in range(2)]
    slow.socket.unsent_bytes = MAX_UNSENT_BYTES + 1
    await process.publish("staff", content=UPDATE)
    await process.settle()
    assert slow.is_closed_by_server.is_set()
    assert slow.reasons == [TOO_SLOW]
    assert slow.events == []
    assert not other.is_closed_by_server.is_set()
    assert other.events == [UPDATE]


async def test_a_slow_socket_with_a_user_room_may_be_further_behind(process: Process) -> None:
    slow = await connect(process, ROOM, "staff")
    slow.socket.unsent_bytes = MAX_UNSENT_WITH_BROADCASTS
    await process.publish("staff", content=UPDATE)
    await process.settle()
    assert slow.events == [UPDATE]
    slow.socket.unsent_bytes = MAX_UNSENT_WITH_BROADCASTS + 1
    await process.publish("staff", content=UPDATE)
    await process.settle()
    assert slow.reasons == [TOO_SLOW]


async def test_a_user_room_of_a_slow_socket_waits_in_its_queue(
    process: Process, queues: Queues
) -> None:
    slow = await connect(process, ROOM, device="phone")
    slow.socket.unsent_bytes = MAX_UNSENT_BYTES + 1
    for _ in range(3):
        await process.publish(ROOM, content=UPDATE)
    await until(lambda: len(process.heard) == 3)
    assert slow.events == []
    assert len((await queues.read(PHONE, NOWHERE)).messages) == 3
    slow.socket.clear()
    assert [each.content for each in await slow.wait_for(3)] == [UPDATE] * 3
