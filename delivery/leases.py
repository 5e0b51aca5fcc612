"""Keeps the devices of this process online in Redis, and notices what was missed.

A lease is renewed every few seconds and runs out by itself, so a killed process
leaves nothing behind for ever. Each renewal tells how far the room has got; a
feed that is behind catches up.
"""

import asyncio
import logging
from collections import Counter

from delivery.exceptions import RedisUnavailable
from delivery.queues import Queues
from delivery.switchboard import Switchboard

logger = logging.getLogger(__name__)

RENEWAL_SECONDS = 20.0  # a third of the lease
RETRY_SECONDS = 0.5  # while Redis is out of reach
DEVICES_PER_PIPELINE = 500


class Leases:
    """The renewal loop of one process."""

    def __init__(self, queues: Queues, switchboard: Switchboard) -> None:
        self._queues = queues
        self._switchboard = switchboard
        self._wake = asyncio.Event()

    def renew_now(self) -> None:
        """Announcements may have been missed: do not wait for the next turn."""
        self._wake.set()

    async def run(self) -> None:
        """Renew all leases in turn, until cancelled."""
        while True:
            try:
                is_renewed = await self._renew_all()
            except Exception:
                logger.exception("Leases not renewed, trying again")
                is_renewed = False
            await self._pause(RENEWAL_SECONDS if is_renewed else RETRY_SECONDS)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _renew_all(self) -> bool:
        positions = list(self._switchboard.positions().items())
        waiting: Counter[str] = Counter()
        try:
            for start in range(0, len(positions), DEVICES_PER_PIPELINE):
                some = dict(positions[start : start + DEVICES_PER_PIPELINE])
                for device, state in zip(some, await self._queues.renew(some), strict=True):
                    self._switchboard.compare(device, state)
                    waiting[device.site] += state.waiting
        except RedisUnavailable as error:
            logger.warning("Leases not renewed, trying again: %s", error)
            return False
        for site, counts in self._switchboard.counters:
            counts.waiting = waiting[site]
        return True
