"""Figures as a page draws them: sums, rates, percentiles and lines.

Knows `delivery.statistics` and nothing of HTTP.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from delivery.counters import DELAY_ENDS_MS, FIELDS, LIMITS, REFUSALS, RESYNCS
from delivery.statistics import MINUTES, RECENT, Counts, Figures, Process, pick

LAST_MINUTE = MINUTES // RECENT  # buckets of it
FIRST_DELAY = FIELDS.index(f"delay.{DELAY_ENDS_MS[0]:g}")
LINES = ("connects", "disconnects", "messages", "acks")

Numbers = dict[str, Any]


def to_json(figures: Figures) -> Numbers:
    """Return what the live view is drawn from."""
    last_minute = add_up(figures.recent[-LAST_MINUTE:])
    hour = add_up(figures.minutes)
    return {
        "now": figures.now,
        "clients": figures.clients,
        "waiting": figures.waiting,
        "minute": {**{name: pick(last_minute, name) for name in LINES}, **_derived(last_minute)},
        "refused": {name: pick(hour, f"refused.{name}") for name in REFUSALS},
        "resyncs": {name: pick(hour, f"resync.{name}") for name in RESYNCS},
        "limited": {name: pick(hour, f"limited.{name}") for name in LIMITS},
        "auth_failure": asdict(figures.auth_failure) if figures.auth_failure else None,
        "processes": [_process(figures, each) for each in figures.processes],
        "recent": _lines(figures.recent, RECENT, figures.now),
        "hour": _lines(figures.minutes, MINUTES, figures.now),
    }


def add_up(buckets: Iterable[Counts]) -> Counts:
    """
    >>> add_up([(1, 2), (10, 20)])
    (11, 22)
    """
    return tuple(map(sum, zip(*buckets, strict=True)))


def percentile(classes: Sequence[int], share: float) -> float | None:
    """Return the delay in ms that this share of acks did not exceed, None = there were none.

    Within a class the delays count as spread evenly; those past the last one as its end.

    >>> percentile([0, 0, 10] + [0] * 28, 0.5)
    1.75
    >>> percentile([0] * 30 + [1], 0.5)
    64000
    """
    rank = sum(classes) * share
    if not rank:
        return None
    start = 0.0
    for count, end in zip(classes, DELAY_ENDS_MS, strict=False):
        if rank <= count:
            return round(start + (end - start) * rank / count, 2)
        rank -= count
        start = end
    return DELAY_ENDS_MS[-1]


def _derived(counts: Counts) -> Numbers:
    """What is not counted itself."""
    delays = counts[FIRST_DELAY:]
    return {
        "delivered": pick(counts, "stored") + pick(counts, "broadcast"),
        "refused": sum(pick(counts, f"refused.{name}") for name in REFUSALS),
        "resyncs": sum(pick(counts, f"resync.{name}") for name in RESYNCS),
        "p50": percentile(delays, 0.5),
        "p95": percentile(delays, 0.95),
    }


def _lines(buckets: Sequence[Counts], step: int, now: int) -> Numbers:
    """Return one list a line, and when the first bucket began."""
    derived = [_derived(counts) for counts in buckets]
    return {
        "step": step,
        "start": now - now % step - (len(buckets) - 1) * step,
        **{name: [pick(counts, name) for counts in buckets] for name in LINES},
        **{name: [each[name] for each in derived] for name in derived[0]},
    }


def _process(figures: Figures, process: Process) -> Numbers:
    return {
        "host": process.host,
        "pid": process.pid,
        "version": process.version,
        "clients": process.clients,
        "up_seconds": max(0, figures.now - process.started_at),
        "seen_seconds": max(0, figures.now - process.seen_at),
    }
