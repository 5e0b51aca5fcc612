"""What several want done in one turn of the loop is done together; what one wants, at once."""

import asyncio

from delivery.turns import do_together


async def test_who_is_alone_in_a_turn_is_served_at_once() -> None:
    done: list[int] = []
    await asyncio.sleep(0)
    do_together(asyncio.get_running_loop(), done.append, 1)
    assert done == [1]


async def test_who_has_company_waits_for_it() -> None:
    loop, wanted, done = asyncio.get_running_loop(), list[int](), list[list[int]]()

    async def want(number: int) -> None:
        wanted.append(number)
        if number == 0:
            do_together(loop, lambda: done.append(wanted.copy()))

    await asyncio.gather(*map(want, range(3)))
    assert done == [[0, 1, 2]]


async def test_another_loop_is_asked_for_a_turn() -> None:
    class Loop:
        asked: object = None

        def call_soon(self, *asked: object) -> None:
            self.asked = asked

    loop = Loop()
    do_together(loop, print, 1)  # type: ignore[arg-type]
    assert loop.asked == (print, 1)
