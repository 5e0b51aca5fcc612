"""Wrong keys, by where they came from and for which site: guessing has an end.

Asked by `credentials` before a key is looked at. Each pair of address and site has a
bucket that a wrong key takes from and time fills again; once it is empty, every call of
that pair is refused, so that the right key is not found out either. In this process only.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from math import inf

from delivery.counters import ALL_SITES, Counters
from delivery.exceptions import LimitReached
from sites.registry import Registry

MAX_BUCKETS = 10_000  # some 3 MB; the one that was used longest ago is forgotten first

Pair = tuple[str, str]  # (address, site)


class FailedKeys:
    def __init__(
        self,
        at_once: int,
        per_second: int,
        registry: Registry,
        counters: Counters,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once = at_once or inf
        self._per_second = per_second
        self._registry = registry
        self._counters = counters
        self._now = now
        self._buckets: OrderedDict[Pair, tuple[float, float]] = OrderedDict()  # (left, when)

    def __len__(self) -> int:
        return len(self._buckets)

    def check(self, address: str, site: str) -> None:
        """Raises LimitReached where too many keys were wrong; an address "" is nobody's."""
        pair = self._pair(address, site)
        if pair not in self._buckets:
            return
        left = self._left(pair)
        if left < 1:
            self._counters.of(pair[1]).limited["failed_keys"] += 1
            message = "Too many wrong keys from this address; the key was not looked at."
            raise LimitReached("too_many_failures", message, (1 - left) / self._per_second)

    def note(self, address: str, site: str) -> None:
        """Count a wrong key."""
        if not address or self._at_once == inf:
            return
        pair = self._pair(address, site)
        self._buckets[pair] = (self._left(pair) - 1, self._now())
        self._buckets.move_to_end(pair)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)

    def _pair(self, address: str, site: str) -> Pair:
        """Sites that do not exist are one: names that are made up push out nobody's bucket."""
        return address, ALL_SITES if self._registry.get(site) is None else site

    def _left(self, pair: Pair) -> float:
        left, when = self._buckets.get(pair, (self._at_once, 0.0))
        return min(self._at_once, left + (self._now() - when) * self._per_second)
