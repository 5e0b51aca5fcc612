"""What has waited too long, and what has not."""

import asyncio
from typing import Any

import pytest

from delivery.patience import Patience


def wanted() -> "asyncio.Future[Any]":
    return asyncio.get_running_loop().create_future()


async def test_each_that_waits_too_long_hears_of_it() -> None:
    patience = Patience(0, lambda: OSError("too late"))
    waiting = [wanted(), wanted()]
    for each in waiting:
        patience.watch(each)
    for each in waiting:
        with pytest.raises(OSError, match="too late"):
            await each


async def test_one_that_comes_while_another_waits_is_told_in_its_turn() -> None:
    patience = Patience(0, TimeoutError)
    patience.watch(first := wanted())
    with pytest.raises(TimeoutError):
        await first
    patience.watch(second := wanted())
    with pytest.raises(TimeoutError):
        await second


async def test_what_is_done_in_time_keeps_its_result_and_is_forgotten() -> None:
    patience = Patience(3600, TimeoutError)
    done, cancelled, last = waiting = wanted(), wanted(), wanted()
    for each in waiting:
        patience.watch(each)
    done.set_result("reply")
    cancelled.cancel()
    patience.watch(wanted())
    assert done.result() == "reply"
    assert next(each for _, each in patience._waiting) is last


async def test_only_what_is_due_is_ended_and_the_rest_looked_at_again() -> None:
    patience = Patience(3600, TimeoutError)
    patience.watch(late := wanted())
    patience._end_due(asyncio.get_running_loop())
    assert not late.done()
    assert patience._timer is not None
