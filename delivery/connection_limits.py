"""How many may connect, and how fast: asked by `namespace` and by `entrance`.

All of it counts what this process has. Imports nothing of the project but exceptions.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass

from delivery.exceptions import TooFast

BURST_SECONDS = 1.0  # of handshakes may come at once


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """As the configuration has them, for sites without their own; 0 = no limit."""

    connections_per_site: int = 0
    connections_per_address: int = 0
    connections_per_user_room: int = 0
    handshakes_per_second: int = 0
    site_handshakes_per_second: int = 0
    events: int = 200  # in transports.WINDOW_SECONDS
    namespaces: int = 100


class Pace:
    """At most so many a second, after as many at once; each who comes is told when."""

    def __init__(self) -> None:
        self._next_at = float("-inf")  # when the next one is due that does not come early

    def wait_seconds(self, per_second: int) -> float:
        """Return how long the next one has to wait, who has not come yet."""
        now = asyncio.get_running_loop().time()
        due_at = max(self._next_at, now - BURST_SECONDS) + 1 / per_second
        return max(0.0, round(due_at - now, 6))  # what is less is dust of the arithmetic

    def come(self, per_second: int) -> None:
        now = asyncio.get_running_loop().time()
        self._next_at = max(self._next_at, now - BURST_SECONDS) + 1 / per_second


class Turns:
    """Connects to each site, at the site's pace."""

    def __init__(self, longest_wait_seconds: float) -> None:
        self._longest_wait_seconds = longest_wait_seconds
        self._paces: dict[str, Pace] = {}  # of sites that there are, or were

    async def wait(self, site: str, per_second: int) -> None:
        """Return when it is the caller's turn. Raises TooFast when that would be too late."""
        pace = self._paces.setdefault(site, Pace())
        seconds = pace.wait_seconds(per_second)
        if seconds > self._longest_wait_seconds:
            raise TooFast(f"{seconds:.0f} s behind {per_second} connects a second")
        pace.come(per_second)
        if seconds:
            await asyncio.sleep(seconds)


class Crowd:
    """Who has come from where, for as long as they stay."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()
        self._places: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._places)

    def is_full(self, place: str) -> bool:
        return bool(self._most and place) and self._counts[place] >= self._most

    def come(self, name: str, place: str) -> None:
        if self._most and place:
            self._places[name] = place
            self._counts[place] += 1

    def go(self, name: str) -> None:
        place = self._places.pop(name, None)
        if place is not None:
            self._counts[place] -= 1
            if not self._counts[place]:
                del self._counts[place]
