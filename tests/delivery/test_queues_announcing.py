"""What Redis announces as it stores it: what the backplane would, in the same words."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from delivery import names
from delivery.exceptions import DeliveryError
from delivery.message import Message
from delivery.queue_values import Appended, Device
from delivery.queues import Queues
from delivery.service import build_service
from tests.delivery.backplane_fixtures import Hearing, broadcast, hear, hear_texts
from tests.delivery.queue_fixtures import LAPTOP, PHONE, ROOM, SITE, TTL_SECONDS

ODD = "ü☃ \ud800"  # half a surrogate pair


@pytest_asyncio.fixture
async def announcing(redis: Redis, backplane: Hearing) -> AsyncIterator[Queues]:
    queues = Queues(ttl_seconds=TTL_SECONDS, max_messages=2, channels=backplane.channels)
    yield queues
    await queues.close()


@pytest.fixture
def elsewhere(redis: Redis) -> Queues:
    """Those of another process."""
    return Queues(ttl_seconds=TTL_SECONDS)


async def append(
    queues: Queues, message_id: str, *, room: str = ROOM, once: str = "", content: object = 1
) -> tuple[Message, Appended]:
    message = Message.build(message_id, "greet", [content], message_id == "2", [room])
    [appended] = await queues.append(SITE, [room], message, once)
    return message, appended


def test_queues_say_whether_they_announce(queues: Queues, announcing: Queues) -> None:
    assert (queues.announces, announcing.announces) == (False, True)


@pytest.mark.parametrize("room", [ROOM, "user_ü☃", "user_" + 200 * "x"])
@pytest.mark.parametrize("length", [0, 20, 200, 70_000])
async def test_what_is_stored_is_announced_as_the_backplane_does(
    announcing: Queues, backplane: Hearing, room: str, length: int
) -> None:
    await backplane.join(SITE, [room])
    for message_id in ("1", "2"):
        stored = await append(announcing, message_id, room=room, content=length * "x")
        await backplane.announce_stored(SITE, [stored])
        assert await hear(backplane) == await hear(backplane)


@pytest.mark.parametrize("device_id", ["phone", ODD])
async def test_full_queues_are_named(
    announcing: Queues, elsewhere: Queues, backplane: Hearing, device_id: str
) -> None:
    await elsewhere.open(PHONE)
    await elsewhere.open(Device(SITE, ROOM, device_id))
    await backplane.join(SITE, [ROOM])
    for message_id in ("1", "2", "3"):
        stored = await append(announcing, message_id)
    await backplane.announce_stored(SITE, [stored])
    heard = [await hear(backplane) for _ in range(4)]
    assert [each["overflowed"] for each in heard[:2]] == [[], []]
    assert heard[2] == heard[3]
    assert set(heard[2]["overflowed"]) == {"phone", device_id}


async def leave_it_be(here: Queues, elsewhere: Queues) -> None:
    """Nobody is known."""


async def hold_here(here: Queues, elsewhere: Queues) -> None:
    await here.open(PHONE)


async def hold_one_here_while_one_is_away(here: Queues, elsewhere: Queues) -> None:
    await elsewhere.open(LAPTOP)
    await elsewhere.release(LAPTOP)
    await here.open(PHONE)


async def hold_elsewhere(here: Queues, elsewhere: Queues) -> None:
    await elsewhere.open(PHONE)


async def hold_the_same_in_both(here: Queues, elsewhere: Queues) -> None:
    await here.open(PHONE)
    await elsewhere.open(PHONE)


async def hold_it_here_last(here: Queues, elsewhere: Queues) -> None:
    await elsewhere.open(PHONE)
    await here.open(PHONE)


async def hold_one_in_each(here: Queues, elsewhere: Queues) -> None:
    await here.open(LAPTOP)
    await elsewhere.open(PHONE)


async def hold_here_no_more(here: Queues, elsewhere: Queues) -> None:
    await hold_the_same_in_both(here, elsewhere)
    await here.release(PHONE)


@pytest.mark.parametrize("once", ["", "a key"])
@pytest.mark.parametrize(
    ("hold", "is_only_here"),
    [
        (leave_it_be, False),
        (hold_here, True),
        (hold_one_here_while_one_is_away, True),
        (hold_elsewhere, False),
        (hold_the_same_in_both, False),
        (hold_it_here_last, False),
        (hold_one_in_each, False),
        (hold_here_no_more, False),
    ],
)
async def test_what_no_other_process_holds_is_announced_to_none(
    hold: Any,
    is_only_here: bool,
    once: str,
    announcing: Queues,
    elsewhere: Queues,
    backplane: Hearing,
) -> None:
    await backplane.join(SITE, [ROOM])
    await hold(announcing, elsewhere)
    _, appended = await append(announcing, "1", once=once)
    await broadcast(backplane, ROOM, content="end")
    stored = [] if is_only_here else ['["greet",1]']
    assert appended.is_only_here == is_only_here
    assert await hear_texts(backplane, "end") == [*stored, "end"]


async def test_queues_that_do_not_announce_leave_nothing_to_their_process(queues: Queues) -> None:
    await queues.open(PHONE)
    _, appended = await append(queues, "1")
    assert not appended.is_only_here


async def test_what_is_not_stored_is_not_announced(
    announcing: Queues, backplane: Hearing, redis: Redis
) -> None:
    await backplane.join(SITE, [ROOM, "user_2"])
    await append(announcing, "1", once="a key")
    await append(announcing, "9", once="a key")
    await redis.set(names.room_key("sioweb", SITE, "user_2"), "no room at all")
    with pytest.raises(DeliveryError):
        await append(announcing, "9", room="user_2")
    await broadcast(backplane, ROOM, content="end")
    assert await hear_texts(backplane, "end") == ['["greet",1]', "end"]


@pytest.mark.parametrize("wait_replicas", [0, 1])
async def test_what_replicas_must_have_first_is_announced_behind_that(
    wait_replicas: int, settings: Any
) -> None:
    config = settings.CONFIG
    redis_config = replace(config.redis, wait_replicas=wait_replicas)
    settings.CONFIG = replace(config, redis=redis_config)
    assert build_service().queues.announces == (not wait_replicas)


async def test_what_may_not_be_announced_is_stored_all_the_same(
    announcing: Queues, redis: Redis
) -> None:
    """Else its sender would repeat it."""
    rule: Any = redis.execute_command
    await rule("ACL", "SETUSER", "default", "-publish")
    try:
        _, appended = await append(announcing, "1")
    finally:
        await rule("ACL", "SETUSER", "default", "+publish")
    assert appended.seq == 1
