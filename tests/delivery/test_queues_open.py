from redis.asyncio import Redis

from delivery.queue_values import NOWHERE, Backlog, Device, Position
from delivery.queues import Queues
from tests.delivery.queue_fixtures import (
    LAPTOP,
    NOBODY,
    PHONE,
    ROOM,
    SITE,
    Clock,
    Sender,
    find_keys,
    texts,
)


async def test_room_without_a_message_has_no_epoch(queues: Queues) -> None:
    assert await queues.open(PHONE) == Backlog("", 0, "", (), "", is_known=True, has_more=False)


async def test_backlog_is_oldest_first_and_ends_at_the_rooms_seq(
    queues: Queues, send: Sender
) -> None:
    sent = [await send() for _ in range(3)]
    backlog = await queues.open(PHONE)
    assert [message.seq for message in backlog.messages] == [1, 2, 3]
    assert [message.id for message in backlog.messages] == ["1", "2", "3"]
    assert (backlog.epoch, backlog.seq, backlog.has_more) == (sent[0].epoch, 3, False)


async def test_first_device_adopts_what_waited_for_nobody(queues: Queues, send: Sender) -> None:
    await send()
    assert len((await queues.open(PHONE)).messages) == 1
    assert (await queues.open(LAPTOP)).messages == ()


async def test_adopted_messages_are_acked_counted_and_limited_as_any(
    queues: Queues, send: Sender
) -> None:
    await send()
    await queues.open(PHONE)
    await send()
    assert await texts(queues, PHONE) == ['["update",1]', '["update",2]']
    assert await queues.clear(PHONE) == 2


async def test_client_without_device_id_owns_what_waited_for_nobody(
    queues: Queues, send: Sender
) -> None:
    await send()
    assert len((await queues.open(NOBODY)).messages) == 1
    assert (await queues.open(PHONE)).messages == ()
    assert await texts(queues, NOBODY) == ['["update",1]']


async def test_known_device_comes_back_to_its_own_queue(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    await queues.release(PHONE)
    await send()
    assert [message.seq for message in (await queues.open(PHONE)).messages] == [1]


async def test_longest_unseen_device_goes_when_there_are_too_many(
    queues: Queues, send: Sender, clock: Clock, redis: Redis
) -> None:
    devices = [Device(SITE, ROOM, str(number)) for number in range(20)]
    for device in devices:
        await queues.open(device)
        clock.advance(1)
    await queues.renew({devices[0]: NOWHERE})
    await send()
    await queues.open(PHONE)
    states = await queues.renew(dict.fromkeys(devices, NOWHERE))
    assert [state.is_known for state in states] == [True, False] + 18 * [True]
    assert not await find_keys(redis, "*:1")


async def test_backlog_comes_in_portions_of_messages(queues: Queues, send: Sender) -> None:
    for _ in range(130):
        await send()
    first = await queues.open(PHONE, count=128)
    assert [message.seq for message in first.messages] == list(range(1, 129))
    assert first.has_more
    last = await queues.read(PHONE, Position(seq=128), count=128)
    assert [message.seq for message in last.messages] == [129, 130]
    assert not last.has_more


async def test_portion_that_takes_all_has_no_more(queues: Queues, send: Sender) -> None:
    for _ in range(64):
        await send()
    backlog = await queues.open(PHONE, count=64)
    assert (len(backlog.messages), backlog.has_more) == (64, False)


async def test_backlog_comes_in_portions_of_bytes(queues: Queues, send: Sender) -> None:
    for _ in range(5):
        await send(size=100)
    backlog = await queues.open(PHONE, max_bytes=300)
    assert (len(backlog.messages), backlog.has_more) == (2, True)
    assert sum(len(message.text) for message in backlog.messages) <= 300


async def test_portion_has_one_message_however_big_it_is(queues: Queues, send: Sender) -> None:
    await send(size=1000)
    await send(size=1000)
    assert len((await queues.open(PHONE, max_bytes=10)).messages) == 1


async def test_read_of_a_device_not_known_says_so(queues: Queues, send: Sender) -> None:
    sent = await send()
    backlog = await queues.read(NOBODY, NOWHERE)
    assert backlog == Backlog(sent.epoch, 1, "1", (), "", is_known=False, has_more=False)
