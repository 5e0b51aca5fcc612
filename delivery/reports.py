"""Takes what this process has counted to Redis, once a second.

Between `counters` and `statistics`. A second that does not reach Redis is not counted:
what was asked of Redis may have been done, and no number is worth holding up a message.
"""

import asyncio
import logging
import os
import socket
import time

from delivery.counters import ALL_SITES, AuthFailure, Counters
from delivery.exceptions import DeliveryError
from delivery.statistics import Statistics
from delivery.version import VERSION

logger = logging.getLogger(__name__)

REPORT_SECONDS = 1.0


class Reports:
    def __init__(self, counters: Counters, statistics: Statistics) -> None:
        self._counters = counters
        self._statistics = statistics
        self._started_at = int(time.time())
        self._is_heard = True

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            await self.report()
            await asyncio.sleep(REPORT_SECONDS)

    async def report(self) -> None:
        counts, failures = self._take()
        try:
            await self._statistics.record(self._describe(), counts, failures)
        except DeliveryError as error:
            self._note_silence(error)
        except Exception:
            logger.exception("What was counted could not be reported")
        else:
            self._is_heard = True

    async def end(self) -> None:
        """Report for the last time, and leave the list of processes."""
        await self.report()
        if not self._is_heard:
            return
        try:
            await self._statistics.leave()
        except DeliveryError as error:
            logger.info("The list of processes will forget this one by itself: %s", error)

    def _take(self) -> tuple[dict[str, list[int]], dict[str, AuthFailure]]:
        """Return the counts of sites that have any, and of all together; and what failed."""
        counts: dict[str, list[int]] = {}
        failures: dict[str, AuthFailure] = {}
        for site, own in self._counters:
            if (failure := own.take_auth_failure()) is not None:
                failures[site] = failure
            if any(taken := own.take()):
                counts[site] = taken
        if counts:
            counts[ALL_SITES] = [sum(values) for values in zip(*counts.values(), strict=True)]
        return counts, failures

    def _describe(self) -> dict[str, object]:
        sites = {
            site: (own.clients, own.waiting)
            for site, own in self._counters
            if own.clients or own.waiting
        }
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "version": VERSION,
            "started_at": self._started_at,
            "clients": self._counters.clients,
            "sites": sites,
        }

    def _note_silence(self, error: DeliveryError) -> None:
        if self._is_heard:
            logger.warning("What is counted does not reach Redis, pages show no numbers: %s", error)
        self._is_heard = False
