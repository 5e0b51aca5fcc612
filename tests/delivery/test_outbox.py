"""Announcements on their way out, in order, without those that nobody waits for any more."""

import asyncio
from typing import Any

import pytest

from delivery.outbox import Outbox
from tests.delivery.socket_fixtures import until


class Pipeline:
    """Redis, which takes what is published once it is let."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.answers = asyncio.Event()
        self._count = 0

    def pipeline(self, *, transaction: bool) -> "Pipeline":
        self._count = 0
        return self

    def publish(self, channel: str, message: bytes) -> None:
        self.taken.append(channel)
        self._count += 1

    async def execute(self, *, raise_on_error: bool) -> list[Any]:
        await self.answers.wait()
        return [1] * self._count


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    pipeline = Pipeline()
    monkeypatch.setattr(Outbox, "_client", lambda _: pipeline)
    return pipeline


async def test_announcements_are_published_in_the_order_of_the_calls(redis: Pipeline) -> None:
    outbox = Outbox({}, 1.0)
    redis.answers.set()
    await asyncio.gather(*(outbox.publish(str(number), b"") for number in range(1000)))
    assert redis.taken == [str(number) for number in range(1000)]


async def test_what_was_given_up_while_redis_hung_is_not_published(redis: Pipeline) -> None:
    outbox = Outbox({}, 1.0)
    first = asyncio.create_task(outbox.publish("first", b""))
    await until(lambda: redis.taken)
    given_up = asyncio.create_task(outbox.publish("given up", b""))
    last = asyncio.create_task(outbox.publish("last", b""))
    await asyncio.sleep(0)
    given_up.cancel()
    redis.answers.set()
    await asyncio.gather(first, last)
    assert "given up" not in redis.taken
    assert redis.taken[-1] == "last"
