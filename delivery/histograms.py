"""Histograms: how long something took, counted by classes in memory.

Below `counters`, and whatever else measures. Imports nothing of the project.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

# Upper ends of the classes, in seconds.
SHORT_ENDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
LONG_ENDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(eq=False, slots=True)
class Histogram:
    """`counts` has one class more than `ends`: for what is longer than all of them.

    >>> histogram = Histogram((0.1, 1.0))
    >>> for seconds in (0.1, 0.5, 7.0): histogram.observe(seconds)
    >>> histogram.counts, histogram.seconds
    ([1, 1, 1], 7.6)
    """

    ends: Sequence[float]
    seconds: float = 0.0  # of all together
    counts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.ends) + 1)

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(self.ends, seconds)] += 1
        self.seconds += seconds
