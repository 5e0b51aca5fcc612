"""Who waits until Redis has confirmed channels.

For `shard`. Above `patience`.
"""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from delivery.patience import Patience


@dataclass(eq=False, slots=True)
class Join:
    missing: int  # channels
    confirmed: "asyncio.Future[None]"


class Joins:
    """Each waits at most `timeout_seconds`."""

    def __init__(self, timeout_seconds: float) -> None:
        self._joins: defaultdict[str, set[Join]] = defaultdict(set)  # by channel
        self._patience = Patience(timeout_seconds, TimeoutError)

    def __len__(self) -> int:
        """Channels that somebody waits for."""
        return len(self._joins)

    async def wait(self, channels: Collection[str]) -> None:
        """Return when all are confirmed. Raises TimeoutError, and what `fail` is given."""
        join = Join(len(channels), asyncio.get_running_loop().create_future())
        for channel in channels:
            self._joins[channel].add(join)
        self._patience.watch(join.confirmed)
        try:
            await join.confirmed
        except BaseException:
            self._forget(join, channels)
            raise

    def confirm(self, channel: str) -> None:
        for join in self._joins.pop(channel, ()):
            join.missing -= 1
            if not (join.missing or join.confirmed.done()):
                join.confirmed.set_result(None)

    def leave(self, channel: str) -> None:
        """Nobody waits for it any more."""
        self._joins.pop(channel, None)

    def fail(self, error: Exception) -> None:
        joins, self._joins = self._joins, defaultdict(set)
        for join in itertools.chain.from_iterable(joins.values()):
            if not join.confirmed.done():
                join.confirmed.set_exception(error)

    def clear(self) -> None:
        self._joins.clear()

    def _forget(self, join: Join, channels: Collection[str]) -> None:
        """Else those that fail in an outage pile up: others may hold their channels meanwhile."""
        for channel in channels:
            self._joins[channel].discard(join)
            if not self._joins[channel]:
                del self._joins[channel]
