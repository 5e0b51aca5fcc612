"""Receipts in Redis: whose they are, how long and how large they get, and if nothing is written."""

import pytest
from redis.asyncio import Redis

from delivery.exceptions import RedisUnavailable
from delivery.journal import MAX_BYTES
from delivery.queue_values import Device
from delivery.receipts import RECENT_MESSAGES, Receipts
from tests.delivery.queue_fixtures import ROOM, SITE, find_keys
from tests.delivery.receipt_fixtures import find, queues, send
from tests.delivery.socket_fixtures import Process

__all__ = ["queues"]


async def test_other_sites_and_unknown_ids_have_no_receipt(process: Process) -> None:
    message_id = await send(process)
    receipts = Receipts(process.journal)
    await receipts.write()
    for site, each in (("othersite", message_id), (SITE, "1234567"), (SITE, "a/b:{}")):
        assert await receipts.find(site, each) is None


async def test_the_last_messages_of_a_room_come_newest_first(process: Process) -> None:
    ids = [await send(process, ROOM, "user_2") for _ in range(RECENT_MESSAGES + 1)]
    recent = await Receipts(process.journal).recent(SITE, ROOM)
    assert [each.noted.id for each in recent] == ids[:0:-1]
    assert [list(each.rooms) for each in recent] == [[ROOM]] * RECENT_MESSAGES


async def test_every_key_ends_within_an_hour(process: Process, redis: Redis) -> None:
    await send(process)
    await Receipts(process.journal).write()
    keys = await find_keys(redis, "sioweb:{receipts*")
    assert len(keys) == 2
    assert all([0 < await redis.ttl(key) <= 3600 for key in keys])


async def test_a_receipt_has_an_end(process: Process, redis: Redis) -> None:
    message_id = await send(process)
    receipts = Receipts(process.journal)
    for i in range(100):
        process.journal.sent(Device(SITE, ROOM, f"{i:0200}"), (message_id,))
    await receipts.write()
    assert MAX_BYTES // 256 <= len((await find(process, message_id)).noted.sent) < MAX_BYTES // 200
    [key] = await find_keys(redis, "sioweb:{receipts*message*")
    assert await redis.strlen(key) <= MAX_BYTES


async def test_without_redis_the_rest_goes_on(
    process: Process, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*args: object) -> None:
        raise RedisUnavailable("gone")

    await send(process)
    monkeypatch.setattr("delivery.receipts.run_scripts", fail)
    await Receipts(process.journal).write()
    assert "Receipts of 1 messages are incomplete: gone" in caplog.text


@pytest.mark.parametrize(("seconds", "told"), [(0.0, [(1,), (2,)]), (3600.0, [(1,)])])
async def test_the_log_tells_of_skipped_notes_now_and_then(
    process: Process,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seconds: float,
    told: list[tuple[int]],
) -> None:
    caplog.set_level("INFO", "delivery.receipts")
    monkeypatch.setattr("delivery.receipts.TELL_SECONDS", seconds)
    receipts = Receipts(process.journal)
    for _ in range(2):
        process.journal.skipped += 1
        await receipts.write()
    assert [each.args for each in caplog.records if "skipped" in each.message] == told
