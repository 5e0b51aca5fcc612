"""When memory is tidied: now and then, not in the midst of a rush.

By itself Python looks through all objects whenever they have grown by a quarter. While
thousands of clients connect that is a second here and a second there in which nobody is
served, and half of the process' time. What young objects leave behind is still collected at
once. Imports nothing of the project.
"""

import asyncio
import ctypes
import gc

# Objects made before the youngest are looked through, in half a millisecond; ten times as many
# before the next generation is. A connection has some hundreds.
YOUNG_OBJECTS = 2_000
YOUNG_ROUNDS = 10
NEVER = 1_000_000_000
# Between two looks through everything: 0.3 s for 10,000 clients.
TIDY_SECONDS = 60.0
# glibc's, which by itself keeps what was freed for this process; no other library has it.
_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


def spare_the_rush() -> None:
    """Set aside what lives as long as the process, and leave the rest to `tidy_for_ever`."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_ROUNDS, NEVER)


async def tidy_for_ever() -> None:
    while True:
        await asyncio.sleep(TIDY_SECONDS)
        tidy()


def tidy() -> None:
    """Collect all garbage, and give what is free back to the system."""
    gc.collect()
    if _malloc_trim is not None:
        _malloc_trim(0)
