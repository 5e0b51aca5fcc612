"""The numbers by which processes tell their message ids apart."""

import pytest
from redis.asyncio import Redis

from delivery import generator as generator_module
from delivery.exceptions import RedisUnavailable
from delivery.generator import Generator
from delivery.ids import FlakeIds
from delivery.names import generator_key
from delivery.queues import LEASE_SECONDS, Queues


async def hold(queues: Queues, configured: int = 7) -> int:
    """The number of a process that has these queues of its own."""
    ids = FlakeIds(generator_id=configured)
    await Generator(queues, ids).hold()
    return ids.generator_id


async def test_a_process_has_the_number_of_its_configuration(queues: Queues) -> None:
    assert await hold(queues) == 7
    assert await hold(queues) == 7


async def test_another_process_with_the_same_configuration_takes_another(
    queues: Queues, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "delivery.generator")
    numbers = [await hold(queues), *[await hold(Queues()) for _ in range(20)]]
    assert len(set(numbers)) == 21
    assert "Generator 7 is another process's" in caplog.text


async def test_a_number_is_free_again_when_its_lease_has_run_out(
    queues: Queues, redis: Redis
) -> None:
    await hold(queues)
    key = generator_key("sioweb", 7)
    assert LEASE_SECONDS - 5 < await redis.ttl(key) <= LEASE_SECONDS
    await redis.delete(key)
    assert await hold(Queues()) == 7


async def test_a_number_that_was_lost_is_replaced(queues: Queues, redis: Redis) -> None:
    ids = FlakeIds(generator_id=7)
    generator = Generator(queues, ids)
    await generator.hold()
    await redis.flushdb()
    assert await hold(Queues()) == 7
    await generator.hold()
    assert ids.generator_id != 7


async def test_no_number_left_is_told(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator_module, "NUMBERS", 2)
    assert {await hold(queues, 0), await hold(Queues(), 0)} == {0, 1}
    with pytest.raises(RedisUnavailable, match="All 2"):
        await hold(Queues(), 0)


async def test_a_renewal_that_redis_does_not_hear_is_told_in_a_line(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def hold_generator(number: int) -> bool:
        raise RedisUnavailable("gone")

    monkeypatch.setattr(queues, "hold_generator", hold_generator)
    await Generator(queues, FlakeIds(generator_id=7))._renew()
    [record] = caplog.records
    assert record.getMessage().endswith("may run out: gone")
    assert record.exc_info is None
