"""Guessing keys: how far it gets, and whom it does not hold up."""

import pytest

from delivery import failed_keys as module
from delivery.counters import Counters
from delivery.exceptions import LimitReached
from delivery.failed_keys import FailedKeys
from sites.registry import Registry
from tests.delivery.http_fixtures import CREDENTIALS, FAILED_KEYS, Edge

GUESSER, OTHER = "203.0.113.7", "198.51.100.1"
MESSAGE = {"rooms": "user_1", "event": "hello"}


async def guess(edge: Edge, site: str = "newsite", **options: object) -> int:
    query = f"site={site}&apiKey=wrong"
    return (await edge.send(MESSAGE, query=query, **options)).status  # type: ignore[arg-type]


async def guess_until_refused(edge: Edge) -> None:
    edge.peer = GUESSER
    statuses = [await guess(edge) for _ in range(FAILED_KEYS + 1)]
    assert statuses == [401] * FAILED_KEYS + [429]


async def test_after_too_many_wrong_keys_the_right_one_is_refused_too(edge: Edge) -> None:
    await guess_until_refused(edge)
    answer = await edge.send(MESSAGE)
    status, code, _ = answer.error
    assert (status, code) == (429, "too_many_failures")
    assert answer.headers["Retry-After"] == "1"
    assert not edge.publisher.published
    assert edge.counters.of("newsite").limited["failed_keys"] == 2


async def test_time_gives_one_guess_after_the_other_back(edge: Edge) -> None:
    await guess_until_refused(edge)
    edge.now += 1
    assert [await guess(edge), await guess(edge)] == [401, 429]
    edge.now += 1
    assert (await edge.send(MESSAGE)).status == 200


async def test_others_are_not_held_up(edge: Edge) -> None:
    await guess_until_refused(edge)
    assert (await edge.send(MESSAGE, query="site=prefixed&apiKey=54321")).status == 200
    edge.peer = OTHER
    assert (await edge.send(MESSAGE)).status == 200


async def test_made_up_sites_count_together(edge: Edge) -> None:
    edge.peer = GUESSER
    statuses = [await guess(edge, f"no-{i}") for i in range(FAILED_KEYS + 1)]
    assert statuses == [401] * FAILED_KEYS + [429]
    assert await guess(edge) == 401


async def test_the_machine_itself_is_not_limited(edge: Edge) -> None:
    assert {await guess(edge) for _ in range(2 * FAILED_KEYS)} == {401}


async def test_a_trusted_proxy_says_who_guesses(edge: Edge) -> None:
    edge.peer = "10.0.0.1"
    for _ in range(FAILED_KEYS):
        await guess(edge, headers={"X-Forwarded-For": f"1.1.1.1, {GUESSER}"})
    assert await guess(edge, headers={"X-Forwarded-For": GUESSER}) == 429
    assert await guess(edge, headers={"X-Forwarded-For": OTHER}) == 401


async def test_a_missing_key_is_no_guess(edge: Edge) -> None:
    edge.peer = GUESSER
    for _ in range(2 * FAILED_KEYS):
        assert (await edge.send(MESSAGE, query="site=newsite")).status == 400
    assert (await edge.send(MESSAGE, query=CREDENTIALS)).status == 200


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BUCKETS", 10)
    failed = FailedKeys(1, 1, Registry(), Counters(), lambda: 0.0)
    for number in range(100):
        failed.note(f"203.0.113.{number}", "newsite")
    assert len(failed) == 10
    failed.check("203.0.113.0", "newsite")
    with pytest.raises(LimitReached):
        failed.check("203.0.113.99", "newsite")


def test_without_a_limit_nothing_is_kept() -> None:
    failed = FailedKeys(0, 1, Registry(), Counters())
    failed.note(GUESSER, "newsite")
    assert not failed
