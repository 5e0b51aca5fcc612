"""The metrics of a process that has none of the rest, and their samples."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from delivery.backplane import Backplane
from delivery.counters import Counters
from delivery.histograms import SHORT_ENDS, Histogram
from delivery.metrics import Metrics

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def counters() -> Counters:
    return Counters()


def make_metrics(counters: Counters, backplane: Any = None) -> Metrics:
    redis = Histogram(SHORT_ENDS)
    backplane = cast("Backplane", backplane or SimpleNamespace())
    return Metrics(counters, backplane, lambda: redis, lambda: 7)


async def scrape(metrics: Metrics) -> Samples:
    return parse((await metrics.render()).decode())


def parse(text: str) -> Samples:
    """Return the samples by name and labels; raises when there are two of one."""
    samples: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in samples
            samples[key] = sample.value
    return samples


def pick(samples: Samples, name: str, **labels: str) -> float:
    """Return the one sample that has these labels, whatever others it has."""
    [value] = [
        value
        for (each, its), value in samples.items()
        if each == f"sioweb_{name}" and labels.items() <= set(its)
    ]
    return value
