from delivery.queue_values import Ack, Acknowledged, Device
from delivery.queues import Queues
from tests.delivery.queue_fixtures import LAPTOP, NOBODY, PHONE, Sender, texts


async def acknowledge(
    queues: Queues, *seqs: int, epoch: str, device: Device = PHONE, checks_order: bool = True
) -> Acknowledged:
    [result] = await queues.acknowledge([Ack(device, epoch, seqs, checks_order)])
    return result


async def test_acked_message_waits_no_more(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    sent = [await send(resync=True) for _ in range(2)]
    assert await acknowledge(queues, 1, epoch=sent[0].epoch) == Acknowledged(1)
    assert await texts(queues, PHONE) == ['["update",2]']


async def test_ack_leaves_other_devices_alone(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    await queues.open(LAPTOP)
    sent = await send()
    await acknowledge(queues, 1, epoch=sent.epoch)
    assert await texts(queues, LAPTOP) == ['["update",1]']


async def test_ack_of_second_message_drops_all_that_waits(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    sent = [await send(event, resync=True) for event in ("update", "update", "other")]
    assert await acknowledge(queues, 2, epoch=sent[0].epoch) == Acknowledged(3, 3)
    assert await texts(queues, PHONE) == []


async def test_late_acks_of_one_incident_do_nothing_more(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    sent = [await send(resync=True) for _ in range(4)]
    acks = [Ack(PHONE, sent[0].epoch, (seq,), True) for seq in (3, 4, 1, 2)]
    results = await queues.acknowledge(acks)
    assert [result.dropped_to for result in results] == [4, 0, 0, 0]
    assert [result.removed for result in results] == [4, 0, 0, 0]


async def test_resync_stays_pending_until_it_is_taken(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    sent = [await send(resync=True) for _ in range(2)]
    await acknowledge(queues, 2, epoch=sent[0].epoch)
    assert await queues.take_resync(PHONE) == "out_of_order"
    assert await queues.take_resync(PHONE) == ""


async def test_client_that_was_gone_learns_of_the_resync_on_return(
    queues: Queues, send: Sender
) -> None:
    await queues.open(PHONE)
    sent = [await send(resync=True) for _ in range(2)]
    await acknowledge(queues, 2, epoch=sent[0].epoch)
    assert (await queues.open(PHONE)).resync_reason == "out_of_order"
    assert (await queues.open(PHONE)).resync_reason == ""


async def test_order_is_within_an_event(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    names = ("update", "upd", "update2", "ü")
    sent = [await send(event, resync=True) for event in names]
    for seq in (4, 3, 2, 1):
        assert not (await acknowledge(queues, seq, epoch=sent[0].epoch)).dropped_to


async def test_order_holds_past_the_tenth_message(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    sent = [await send(resync=True) for _ in range(12)]
    for seq in range(1, 13):
        assert not (await acknowledge(queues, seq, epoch=sent[0].epoch)).dropped_to


async def test_message_without_resync_may_be_acked_in_any_order(
    queues: Queues, send: Sender
) -> None:
    await queues.open(PHONE)
    sent = [await send() for _ in range(2)]
    assert await acknowledge(queues, 2, epoch=sent[0].epoch) == Acknowledged(1)


async def test_message_without_resync_before_it_counts_too(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    await send(resync=False)
    sent = await send(resync=True)
    assert (await acknowledge(queues, 2, epoch=sent.epoch)).dropped_to


async def test_second_ack_of_a_message_does_nothing(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    sent = [await send(resync=True) for _ in range(2)]
    await acknowledge(queues, 1, epoch=sent[0].epoch)
    assert await acknowledge(queues, 1, epoch=sent[0].epoch) == Acknowledged(0)


async def test_second_ack_of_a_message_leaves_the_next_one(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    sent = [await send() for _ in range(2)]
    results = [await acknowledge(queues, 1, epoch=sent[0].epoch) for _ in range(2)]
    assert results == [Acknowledged(1), Acknowledged(0)]
    assert await texts(queues, PHONE) == ['["update",2]']


async def test_ack_of_what_was_cleared_does_nothing(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    sent = [await send(resync=True) for _ in range(2)]
    assert await queues.clear(PHONE) == 2
    assert await acknowledge(queues, 2, epoch=sent[0].epoch) == Acknowledged(0)


async def test_ack_of_another_epoch_removes_nothing(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    await send(resync=True)
    for epoch in ("", "0123456789abcdef"):
        assert await acknowledge(queues, 1, epoch=epoch) == Acknowledged(0)
    assert await texts(queues, PHONE) == ['["update",1]']


async def test_ack_in_a_room_without_state_does_nothing(queues: Queues) -> None:
    for epoch in ("", "0123456789abcdef"):
        assert await acknowledge(queues, 1, epoch=epoch) == Acknowledged(0)


async def test_ack_takes_nothing_from_the_first_device_that_comes(
    queues: Queues, send: Sender
) -> None:
    sent = await send()
    result = await acknowledge(queues, 1, epoch=sent.epoch, device=NOBODY)
    assert result == Acknowledged(0)
    assert [message.seq for message in (await queues.open(PHONE)).messages] == [1]


async def test_batch_ack_removes_its_messages_without_a_look_at_the_order(
    queues: Queues, send: Sender
) -> None:
    await queues.open(PHONE)
    sent = [await send(resync=True) for _ in range(4)]
    result = await acknowledge(queues, 2, 3, epoch=sent[0].epoch, checks_order=False)
    assert result == Acknowledged(2)
    assert await texts(queues, PHONE) == ['["update",1]', '["update",4]']


async def test_message_after_an_incident_is_in_order_again(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    sent = [await send(resync=True) for _ in range(2)]
    await acknowledge(queues, 2, epoch=sent[0].epoch)
    await send(resync=True)
    assert await acknowledge(queues, 3, epoch=sent[0].epoch) == Acknowledged(1)
