"""Letting a crowd through: in order, and with turns of the event loop left for others."""

import asyncio
import logging
import time
from functools import partial

import pytest

from delivery.turnstile import BUSY_SECONDS, TOGETHER, Turnstile
from tests.delivery.socket_fixtures import until


async def test_work_runs_in_the_order_in_which_it_came() -> None:
    turnstile, done = Turnstile(), list[int]()
    for number in range(5):
        turnstile.enter(lambda number=number: done.append(number))  # type: ignore[misc]
    await until(lambda: len(done) == 5)
    assert done == [0, 1, 2, 3, 4]
    assert len(turnstile) == 0


async def test_a_crowd_that_leaves_holds_up_nobody_who_comes_nor_the_other_way_round() -> None:
    turnstile, done = Turnstile(), list[str]()
    for name in ("a", "b", "c", "d"):
        turnstile.leave(partial(done.append, f"{name} leaves"))
    for name in ("e", "f"):
        turnstile.enter(partial(done.append, f"{name} comes"))
    assert len(turnstile) == 6
    await until(lambda: len(done) == 6)
    ways = ["e comes", "a leaves", "f comes", "b leaves", "c leaves", "d leaves"]
    assert done == ways


async def test_others_have_their_turn_between_a_few_of_a_crowd_and_the_next() -> None:
    turnstile, done = Turnstile(), list[int]()
    seen = []
    for number in range(3 * TOGETHER + 1):
        turnstile.enter(lambda number=number: done.append(number))  # type: ignore[misc]
    while len(done) < 3 * TOGETHER + 1:
        await asyncio.sleep(0)
        seen.append(len(done))
    assert set(seen) == {0, TOGETHER, 2 * TOGETHER, 3 * TOGETHER, 3 * TOGETHER + 1}


async def test_while_turns_take_long_nobody_passes_but_now_and_then() -> None:
    turnstile, done = Turnstile(), list[int]()
    for number in range(50):
        turnstile.enter(lambda number=number: done.append(number))  # type: ignore[misc]
    turns = 0
    while len(done) < 3 * TOGETHER:
        await asyncio.sleep(0)
        time.sleep(2 * BUSY_SECONDS)  # noqa: ASYNC251, what the test is about
        turns += 1
    assert turns > len(done) / TOGETHER


async def test_failing_work_is_logged_and_the_next_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    turnstile, done = Turnstile(), list[int]()
    turnstile.enter(lambda: done.append(1 // 0))
    turnstile.enter(lambda: done.append(2))
    await until(lambda: done)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_who_comes_later_passes_as_well() -> None:
    turnstile, done = Turnstile(), list[int]()
    turnstile.enter(lambda: done.append(1))
    await until(lambda: done)
    turnstile.enter(lambda: done.append(2))
    await until(lambda: len(done) == 2)
