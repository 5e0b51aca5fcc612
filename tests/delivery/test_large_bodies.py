"""Turns of those who keep the event loop long."""

import asyncio
import time
from itertools import pairwise

from delivery.large_bodies import LargeBodies

READ_SECONDS = 0.02


async def read(bodies: LargeBodies, times: list[tuple[float, float]]) -> None:
    await bodies.wait_for_turn()
    began_at = time.perf_counter()
    while time.perf_counter() < began_at + READ_SECONDS:
        pass
    times.append((began_at, time.perf_counter()))


async def test_one_is_read_at_a_time_and_others_have_the_loop_as_long_before_the_next() -> None:
    bodies, times = LargeBodies(), list[tuple[float, float]]()
    await asyncio.gather(*(read(bodies, times) for _ in range(4)))
    assert len(times) == 4
    for (_, former_ended_at), (began_at, _) in pairwise(times):
        assert began_at - former_ended_at >= READ_SECONDS * 0.9


async def test_one_that_gives_up_before_its_turn_leaves_it_to_the_next() -> None:
    bodies, times = LargeBodies(), list[tuple[float, float]]()
    first, second, third = (asyncio.create_task(read(bodies, times)) for _ in range(3))
    await first
    second.cancel()
    await asyncio.wait_for(third, 10)
    assert len(times) == 2
