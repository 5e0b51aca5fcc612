"""Large bodies take turns: one at a time, and the event loop is free as long before the next.

A mebibyte of JSON is tens of milliseconds without a turn for anybody else; several in a row would
hold up every message. For `handler`; imports nothing of the project.
"""

import asyncio

LARGE_BYTES = 16_384  # less is read in a millisecond or two
LONGEST_REST_SECONDS = 0.25


class LargeBodies:
    """Whoever has waited for a turn reads at once, without an `await` in between."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def wait_for_turn(self) -> None:
        await self._turn.acquire()
        loop = asyncio.get_running_loop()
        loop.call_soon(self._rest, loop.time())

    def _rest(self, began_at: float) -> None:
        """What the caller had to do at once is done."""
        loop = asyncio.get_running_loop()
        took_seconds = min(loop.time() - began_at, LONGEST_REST_SECONDS)
        loop.call_later(took_seconds, self._turn.release)
