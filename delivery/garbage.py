"""When Python looks for cyclic garbage: now and then, not in the midst of a rush.

By itself it looks through all objects whenever they have grown by a quarter. While thousands
of clients connect that is a second here and a second there in which nobody is served, and
half of the process' time. What young objects leave behind is still collected at once. Imports
nothing of the project.
"""

import asyncio
import gc

# Objects made before the youngest are looked through; ten times as many before the next
# generation is. A connection has some hundreds.
YOUNG_OBJECTS = 20_000
YOUNG_ROUNDS = 10
NEVER = 1_000_000_000
# Between two looks through everything: 0.3 s for 10,000 clients.
LOOK_SECONDS = 60.0


def spare_the_rush() -> None:
    """Set aside what lives as long as the process, and leave the rest to `collect_for_ever`."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_ROUNDS, NEVER)


async def collect_for_ever() -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        gc.collect()
