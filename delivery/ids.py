"""Flake ids: 64-bit message ids that grow with time, in flake-idgen's layout.

First stop of every message, so that each later step can name it in the log.
Imports nothing of the project.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

SEQUENCE_MASK = 0xFFF  # 12 bits: 4,096 ids a millisecond
WORKER_SHIFT = 12  # the 10-bit generator id stands above the sequence
TIME_SHIFT = 22  # the 42-bit time in milliseconds stands above both


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class FlakeIds:
    """Ids of one process, strictly increasing, also when its clock steps back.

    `generator_id` is flake-idgen's `id`: 10 bits, `datacenter << 5 | worker`.
    `epoch_ms` is subtracted from Unix time in milliseconds.
    """

    generator_id: int = 0
    epoch_ms: int = 0
    sequence_mask: int = SEQUENCE_MASK
    clock_ms: Callable[[], int] = now_ms
    _last_ms: int = field(default=0, init=False)
    _sequence: int = field(default=0, init=False)

    def __call__(self) -> int:
        now = self.clock_ms() - self.epoch_ms
        if now > self._last_ms:
            self._last_ms, self._sequence = now, 0
        else:
            self._step()
        return self._last_ms << TIME_SHIFT | self.generator_id << WORKER_SHIFT | self._sequence

    def _step(self) -> None:
        """Take the next number; a full millisecond borrows the one to come."""
        self._sequence += 1
        if self._sequence > self.sequence_mask:
            self._last_ms, self._sequence = self._last_ms + 1, 0
