"""What this process has counted, in Prometheus' text format: read when somebody asks.

Beside `reports`, of the same counters; nothing here is on the way of a message. What is
only measured now and then, the lag of the event loop and of the backplane, is measured here.
Above it `metrics_page` and `metrics_port` say who may read it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from hmac import compare_digest

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric

from delivery import metric_families as families
from delivery.backplane import Backplane
from delivery.bearer import read_bearer
from delivery.counters import Counters
from delivery.exceptions import DeliveryError
from delivery.histograms import Histogram
from delivery.version import VERSION

logger = logging.getLogger(__name__)

LOOP_SECONDS = 0.25  # between two looks at the event loop
PROBE_SECONDS = 5.0  # between two at the backplane
RETRY_SECONDS = 1.0
SAMPLES_AT_ONCE = 200  # a millisecond's work


class Metrics:
    """The figures of one process. `worker` is its number among those behind one port."""

    def __init__(
        self,
        counters: Counters,
        backplane: Backplane,
        round_trips: Callable[[], Histogram],
        count_transports: Callable[[], int],
    ) -> None:
        self.worker = 0
        self._counters = counters
        self._backplane = backplane
        self._round_trips = round_trips
        self._count_transports = count_transports
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)

    async def render(self) -> bytes:
        """Write some lines at a time, so that a hundred sites hold up no message."""
        parts = []
        for family in self._collect():
            for part in _write(family):
                parts.append(part)
                await asyncio.sleep(0)
        return b"".join(parts)

    async def watch_loop(self) -> None:
        """Measure by how much the event loop is late, until cancelled."""
        while True:
            due_at = time.monotonic() + LOOP_SECONDS
            await asyncio.sleep(LOOP_SECONDS)
            self._counters.loop_lag.observe(max(time.monotonic() - due_at, 0.0))

    async def watch_backplane(self) -> None:
        """Announce something to this process itself now and then, until cancelled."""
        await self._listen()
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                await self._backplane.probe()
            except DeliveryError as error:
                logger.info("The lag of the backplane could not be measured: %s", error)

    async def _listen(self) -> None:
        while True:
            try:
                await self._backplane.listen_to_probes()
            except DeliveryError:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def _collect(self) -> Iterator[Metric]:
        worker = str(self.worker)
        yield families.gauge("info", "Always 1; the version.", {"version": VERSION}, worker, 1)
        transports = self._count_transports()
        yield families.gauge("transports", "Engine.IO connections now.", {}, worker, transports)
        yield families.seconds("redis_round_trip", "Scripts.", worker, self._round_trips())
        lag = self._counters.backplane_lag
        yield families.seconds("backplane_lag", "Announced until heard.", worker, lag)
        lag = self._counters.loop_lag
        yield families.seconds("event_loop_lag", "By which a timer is late.", worker, lag)
        yield from families.of_sites(self._counters, worker)
        yield from self._process.collect()


def bears_token(authorization: str, token: str) -> bool:
    """Whether the header of this name brings the token, which is not "".

    >>> [bears_token(header, "abc") for header in ("Bearer abc", "bearer abc", "abc", "")]
    [True, True, False, False]
    """
    return compare_digest(read_bearer(authorization).encode(), token.encode())


def _write(family: Metric) -> Iterator[bytes]:
    """Only the first part has the two lines that say what it is."""
    samples = family.samples
    for start in range(0, max(len(samples), 1), SAMPLES_AT_ONCE):
        family.samples = samples[start : start + SAMPLES_AT_ONCE]
        part = generate_latest(OneFamily(family))
        yield part.split(b"\n", 2)[2] if start else part


class OneFamily(CollectorRegistry):
    """A registry of one family, for prometheus-client to write."""

    def __init__(self, family: Metric) -> None:
        super().__init__()
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family
