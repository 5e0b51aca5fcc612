"""The backplane between processes: joining, announcing, leaving, and Redis out of reach."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from delivery import backplane as backplane_module
from delivery import shard
from delivery.backplane import MANY_ROOMS, Announcement, Backplane, Broadcast
from delivery.channel_layer import ConfirmedPubSubChannelLayer
from delivery.exceptions import BackplaneUnavailable
from delivery.message import Message
from delivery.names import group_name
from delivery.queue_values import Appended, Device
from tests.delivery.redis_proxy import RedisProxy
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until

SITE = "newsite"


class Hearing(Backplane):
    """A backplane that keeps what it hears, in its order."""

    async def start(self) -> None:
        await super().start()
        self.heard: asyncio.Queue[Announcement] = asyncio.Queue()
        self.listen(self.heard.put_nowait)


@pytest_asyncio.fixture
async def backplane(own_layers: None) -> AsyncIterator[Hearing]:
    backplane = Hearing()
    await backplane.start()
    yield backplane
    await backplane.close()


@pytest_asyncio.fixture
async def other(own_layers: None) -> AsyncIterator[Hearing]:
    """The backplane of another process."""
    backplane = Hearing()
    await backplane.start()
    yield backplane
    await backplane.close()


@pytest_asyncio.fixture
async def far(redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hearing]:
    """A backplane whose Redis the test can take away."""
    host = {"address": redis_proxy.url, "socket_timeout": None}
    layer = ConfirmedPubSubChannelLayer(hosts=[host], prefix="sioweb.")
    monkeypatch.setattr(backplane_module, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(shard, "RETRY_SECONDS", 0.0)
    backplane = Hearing()
    await backplane.start()
    yield backplane
    redis_proxy.flow()
    await backplane.close()


async def broadcast(backplane: Hearing, *rooms: str, content: str = '["hello"]') -> None:
    message = Message("7", "hello", content, False, rooms)
    await backplane.announce_broadcasts(SITE, [Broadcast(message, rooms, [])])


async def hear(backplane: Hearing) -> Any:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await backplane.heard.get()


async def hear_texts(backplane: Hearing, last: str) -> list[str]:
    """The texts of all announcements up to this one."""
    texts = [""]
    while texts[-1] != last:
        texts.append((await hear(backplane))["text"])
    return texts[1:]


async def count_processes(redis: Redis, room: str) -> int:
    [(_, count)] = await redis.pubsub_numsub(f"sioweb.__group__{group_name(SITE, room)}")
    return int(count)


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


async def test_ten_thousand_rooms_are_joined_and_left_in_time(
    backplane: Hearing, redis: Redis
) -> None:
    rooms = [f"room {number}" for number in range(10_000)]
    await backplane.join(SITE, rooms)
    assert await count_processes(redis, rooms[-1]) == 1
    await backplane.leave(SITE, rooms)


async def test_announcements_keep_their_order(backplane: Hearing, other: Hearing) -> None:
    await other.join(SITE, ["staff"])
    texts = [str(number) for number in range(1_000)]
    await asyncio.gather(*(broadcast(backplane, "staff", content=text) for text in texts))
    assert await hear_texts(other, texts[-1]) == texts


async def test_announcements_flow_again_after_the_subscription_was_killed(
    backplane: Hearing, redis: Redis
) -> None:
    reconnects: list[None] = []
    backplane.on_reconnect(lambda: reconnects.append(None))
    await backplane.join(SITE, ["staff"])
    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
    await until(lambda: reconnects)
    await broadcast(backplane, "staff", content="again")
    assert await hear_texts(backplane, "again") == ["again"]
    assert len(reconnects) == 1


@pytest.mark.parametrize("state", ["gone", "hanging"])
async def test_redis_out_of_reach_is_told_within_the_timeout(
    far: Hearing, redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(backplane_module, "ANNOUNCE_TIMEOUT_SECONDS", 0.05)
    if state == "gone":
        await redis_proxy.shut()
    else:
        redis_proxy.hang()
    device = Device(SITE, "user_1", "")
    async with asyncio.timeout(TIMEOUT_SECONDS):
        for step in (
            broadcast(far, "staff"),
            far.announce_resync(device, "overflow", "e1", 1),
            far.ping(),
            far.join(SITE, ["staff"]),
        ):
            with pytest.raises(BackplaneUnavailable):
                await step
        await far.leave(SITE, ["staff"])


async def test_start_without_redis_is_told(far: Hearing, redis_proxy: RedisProxy) -> None:
    await far.close()
    await redis_proxy.shut()
    with pytest.raises(BackplaneUnavailable):
        await far.start()


async def test_failed_join_and_its_leave_do_not_spoil_the_next_one(
    far: Hearing, redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconnects: list[None] = []
    far.on_reconnect(lambda: reconnects.append(None))
    await redis_proxy.shut()
    monkeypatch.setattr(backplane_module, "ANNOUNCE_TIMEOUT_SECONDS", 0.05)
    with pytest.raises(BackplaneUnavailable):
        await far.join(SITE, ["staff"])
    monkeypatch.setattr(backplane_module, "ANNOUNCE_TIMEOUT_SECONDS", TIMEOUT_SECONDS)
    await far.leave(SITE, ["staff"])
    await redis_proxy.open()
    await until(lambda: reconnects)
    await far.join(SITE, ["staff"])
    await broadcast(far, "staff", content="heard")
    assert await hear_texts(far, "heard") == ["heard"]


async def test_socket_that_joins_a_room_while_another_fails_to_is_served(
    backplane: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = asyncio.create_task(backplane.join(SITE, ["staff"]))
    staying = asyncio.create_task(backplane.join(SITE, ["staff"]))
    await asyncio.sleep(0)
    failing.cancel()
    await asyncio.wait([failing])
    await backplane.leave(SITE, ["staff"])
    await staying
    await broadcast(backplane, "staff", content="heard")
    assert await hear_texts(backplane, "heard") == ["heard"]


async def test_ping_wakes_nobody(backplane: Hearing) -> None:
    await backplane.join(SITE, ["staff"])
    await backplane.ping()
    await broadcast(backplane, "staff", content="end")
    assert await hear_texts(backplane, "end") == ["end"]


@given(st.text(), st.text())
def test_every_group_name_is_legal_to_channels(site: str, room: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9\-_.]{1,99}", group_name(site, room))
