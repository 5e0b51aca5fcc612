"""Announcements on their way out, in order, without those that nobody waits for any more."""

import asyncio
from collections.abc import Sequence

import pytest

from delivery import outbox as outbox_module
from delivery.outbox import Outbox
from delivery.replies import Tell
from tests.delivery.fake_redis import be_silent, playing
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until


class Redis:
    """Answers all that it is told once a test lets it."""

    def __init__(self) -> None:
        self.taken: list[object] = []  # channels
        self.answers = asyncio.Event()

    def ask(self, _: object, commands: Sequence[bytes], tell: Tell, __: float) -> bool:
        self.taken += [command.split(b"\r\n")[4].decode() for command in commands]
        self.answering = asyncio.create_task(self._answer(tell, len(commands)))
        return True

    async def _answer(self, tell: Tell, count: int) -> None:
        await self.answers.wait()
        tell([1] * count)


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Redis:
    redis = Redis()
    monkeypatch.setattr(outbox_module, "ask_at_once", redis.ask)
    return redis


async def test_announcements_are_published_in_the_order_of_the_calls(redis: Redis) -> None:
    outbox = Outbox({}, 1.0)
    redis.answers.set()
    await asyncio.gather(*(outbox.publish([(str(number), b"")]) for number in range(1000)))
    assert redis.taken == [str(number) for number in range(1000)]


async def test_what_was_given_up_while_redis_hung_is_not_published(redis: Redis) -> None:
    outbox = Outbox({}, 1.0)
    first = asyncio.create_task(outbox.publish([("first", b"")]))
    await until(lambda: redis.taken)
    given_up = asyncio.create_task(outbox.publish([("given up", b"")]))
    last = asyncio.create_task(outbox.publish([("last", b"")]))
    await asyncio.sleep(0)
    given_up.cancel()
    redis.answers.set()
    await asyncio.gather(first, last)
    assert "given up" not in redis.taken
    assert redis.taken[-1] == "last"


async def test_who_waits_is_given_up_in_time_however_long_the_round_trip_is(redis: Redis) -> None:
    outbox = Outbox({}, 0)
    outbox._timeout_seconds = 3600
    call = asyncio.create_task(outbox.publish([("late", b"")]))
    await asyncio.wait({call}, timeout=TIMEOUT_SECONDS)
    await outbox.close()
    assert isinstance(call.exception(), TimeoutError)


@pytest.mark.parametrize("turns", range(1, 7))
async def test_whoever_waits_when_the_service_ends_is_cancelled_at_once(turns: int) -> None:
    async with playing(be_silent) as url:
        outbox = Outbox({"address": url}, 3600)
        calls = []
        for _ in range(turns):
            calls.append(asyncio.create_task(outbox.publish([("name", b"")])))
            await asyncio.sleep(0)
        await outbox.close()
        await asyncio.wait(calls, timeout=TIMEOUT_SECONDS)
    assert all(call.cancelled() for call in calls)


async def test_what_cannot_be_written_holds_up_nothing_else(redis: Redis) -> None:
    outbox = Outbox({}, 1.0)
    redis.answers.set()
    with pytest.raises(UnicodeEncodeError):
        await outbox.publish([("\ud800", b"")])
    await outbox.publish([("next", b"")])
    assert redis.taken == ["next"]
