"""When memory is tidied: now and then, not in the midst of a rush.

By itself Python looks through all objects whenever they have grown by a quarter. While
thousands of clients connect that is a second here and a second there in which nobody is
served, and half of the process' time. What young objects leave behind is still collected at
once. Imports nothing of the project.
"""

import asyncio
import ctypes
import gc
from typing import Protocol

# Objects made before the youngest are looked through, in a millisecond or two; three times as many
# before the next generation is. A connection has some hundreds, and so have calls under way: with
# few of them each burst of calls would be looked through, and found to be in use.
YOUNG_OBJECTS = 10_000
YOUNG_ROUNDS = 2
NEVER = 1_000_000_000
# Between two looks at what has come since the last one.
TIDY_SECONDS = 60.0
# A look through everything takes 0.35 s for 10,000 clients. It finds what those who have gone left
# behind, which is nothing under daphne: so it waits for ten minutes, or until a tenth of them has,
# where the last one found something.
GONE_SHARE = 0.1
MOST_LOOKS = 10
# glibc's, which by itself keeps what was freed for this process; no other library has it.
_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


class Crowd(Protocol):
    @property
    def clients(self) -> int:
        """How many there are now."""

    @property
    def disconnects(self) -> int:
        """How many have gone, ever."""


def spare_the_rush() -> None:
    """Set aside what there is at the start, nearly all of which lives as long as the process, and
    leave the rest to `tidy_for_ever`."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_ROUNDS, NEVER)


async def tidy_for_ever(crowd: Crowd) -> None:
    tidying = Tidying(crowd)
    while True:
        await asyncio.sleep(TIDY_SECONDS)
        tidying.tidy()


class Tidying:
    """What has survived a look is set aside: clients that stay are not looked through each time."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._looks = 0  # since all was looked through
        self._had_gone = crowd.disconnects  # by then
        self._leave_garbage = True  # those who go, as far as is known

    def tidy(self) -> None:
        """Collect garbage, and give what is free back to the system."""
        self._looks += 1
        gone = self._crowd.disconnects - self._had_gone
        are_many_gone = gone > GONE_SHARE * self._crowd.clients
        if (are_many_gone and self._leave_garbage) or self._looks >= MOST_LOOKS:
            gc.unfreeze()
            self._leave_garbage = gc.collect() >= gone
            self._looks, self._had_gone = 0, self._crowd.disconnects
        else:
            gc.collect()
        gc.freeze()
        if _malloc_trim is not None:
            _malloc_trim(0)
