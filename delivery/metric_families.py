"""The families of metrics: their names, labels and what is read for each. For `metrics`.

docs/metrics.md describes them; a test holds the two together.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric

from delivery.counters import DELAY_ENDS_MS, Counters, SiteCounts
from delivery.histograms import Histogram

PREFIX = "sioweb_"
# Sites with a name of their own in the labels: the first that this process has had to do with,
# for as long as it lives. A Prometheus keeps a series for each label of each metric.
MAX_NAMED_SITES = 100
OTHER_SITES = "other"
SHOWN_DELAYS_MS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 2000, 4000, 8000, 16000, 64000)

Site = tuple[str, Sequence[SiteCounts]]  # its label, and the counts of those that share it
Values = Iterable[tuple[str, float]]  # by a label's value; "" = there is no such label
Read = Callable[[SiteCounts], Values]

# (name, help, label, values): what only grows.
COUNTERS: tuple[tuple[str, str, str, Read], ...] = (
    (
        "handshakes",
        "Clients that asked to join a namespace, refused ones among them.",
        "",
        lambda c: [("", c.connects + sum(c.refused.values()))],
    ),
    ("connects", "Clients that joined.", "", lambda c: [("", c.connects)]),
    ("disconnects", "Clients that left.", "", lambda c: [("", c.disconnects)]),
    ("refusals", "Clients that were refused.", "reason", lambda c: c.refused.items()),
    ("auth_calls", "Calls of authUrl.", "result", lambda c: c.auth_results.items()),
    (
        "sends",
        "Messages of /send that were taken, and calls that were not.",
        "result",
        lambda c: [("accepted", c.messages), *c.send_failures.items()],
    ),
    ("stored", "Messages put into queues, for each user room.", "", lambda c: [("", c.queued)]),
    (
        "delivered",
        "Copies written to sockets, from a queue or broadcast.",
        "kind",
        lambda c: [("stored", c.stored), ("broadcast", c.broadcast)],
    ),
    ("acked", "Copies from a queue that clients acknowledged.", "", lambda c: [("", c.acks)]),
    ("resyncs", "Clients that were told to reload.", "reason", lambda c: c.resyncs.items()),
    (
        "queue_overflows",
        "Queues that were full and were dropped.",
        "",
        lambda c: [("", c.overflows)],
    ),
    (
        "dropped_frames",
        "Frames that were not sent as the client reads too slowly.",
        "",
        lambda c: [("", c.dropped)],
    ),
)
GAUGES: tuple[tuple[str, str, Callable[[SiteCounts], float]], ...] = (
    ("connections", "Clients connected now.", lambda c: c.clients),
    ("waiting", "Messages that wait for clients connected here.", lambda c: c.waiting),
)


def of_sites(counters: Counters, worker: str) -> Iterator[Metric]:
    sites = label_sites(counters)
    for name, text, read in GAUGES:
        gauge_family = GaugeMetricFamily(PREFIX + name, text, labels=("worker", "site"))
        for site, counts in sites:
            gauge_family.add_metric((worker, site), sum(map(read, counts)))
        yield gauge_family
    for name, text, label, read_all in COUNTERS:
        yield _counter(name, text, label, read_all, sites, worker)
    yield _ack_delays(sites, worker)
    yield _auth_times(sites, worker)


def label_sites(counters: Counters) -> list[Site]:
    """Give each site its label; all past the hundredth share one, as does a site of its name."""
    labelled: dict[str, list[SiteCounts]] = {}
    for number, (name, counts) in enumerate(counters):
        labelled.setdefault(name if number < MAX_NAMED_SITES else OTHER_SITES, []).append(counts)
    return list(labelled.items())


def gauge(
    name: str, text: str, labels: Mapping[str, str], worker: str, value: float
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + name, text, labels=("worker", *labels))
    family.add_metric((worker, *labels.values()), value)
    return family


def seconds(name: str, text: str, worker: str, times: Histogram) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"{PREFIX}{name}_seconds", text, labels=("worker",))
    family.add_metric((worker,), _buckets(times.ends, times.counts), times.seconds)
    return family


def _counter(
    name: str, text: str, label: str, read: Read, sites: Sequence[Site], worker: str
) -> CounterMetricFamily:
    names = ("worker", "site", label) if label else ("worker", "site")
    family = CounterMetricFamily(PREFIX + name, text, labels=names)
    for site, all_counts in sites:
        values: dict[str, float] = {}
        for counts in all_counts:
            for key, value in read(counts):
                values[key] = values.get(key, 0) + value
        for key, value in values.items():
            family.add_metric((worker, site, key) if label else (worker, site), value)
    return family


def _ack_delays(sites: Sequence[Site], worker: str) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        f"{PREFIX}ack_delay_seconds", "From the socket to the ack.", labels=("worker", "site")
    )
    for site, all_counts in sites:
        summed = [sum(values) for values in zip(*(c.delays for c in all_counts), strict=True)]
        buckets = _buckets([end / 1000 for end in DELAY_ENDS_MS], summed)
        shown = [each for each in buckets if each[0] in SHOWN_DELAYS]
        family.add_metric((worker, site), shown, sum(c.delay_seconds for c in all_counts))
    return family


def _auth_times(sites: Sequence[Site], worker: str) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        f"{PREFIX}auth_call_seconds", "Calls of authUrl.", labels=("worker", "site")
    )
    for site, all_counts in sites:
        times = [counts.auth_times for counts in all_counts]
        summed = [sum(values) for values in zip(*(each.counts for each in times), strict=True)]
        total = sum(each.seconds for each in times)
        family.add_metric((worker, site), _buckets(times[0].ends, summed), total)
    return family


def _buckets(ends: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """As Prometheus has them: each bucket holds what all before it do.

    >>> _buckets([0.1, 1.0], [3, 0, 2])
    [('0.1', 3), ('1', 3), ('+Inf', 5)]
    """
    names = [f"{end:g}" for end in ends]
    return list(zip([*names, "+Inf"], accumulate(counts), strict=True))


SHOWN_DELAYS = frozenset([*(f"{end / 1000:g}" for end in SHOWN_DELAYS_MS), "+Inf"])
