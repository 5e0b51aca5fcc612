"""Draining: in which order a process leaves, and how its clients are spread over time."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from delivery import drain as drain_module
from delivery.drain import DRAIN_SECONDS, drain
from delivery.service import Service
from delivery.web_server import WebServer

LONGEST_PAUSE_SECONDS = 0.1  # of the clients of a small process

Pick = Callable[[Iterable[float]], float]


@dataclass
class Leaving:
    """A service and its web server that write down what is done to them."""

    transports: list[str]
    steps: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    async def drain(self) -> None:
        server = SimpleNamespace(
            transports=lambda: list(self.transports), close_transport=self._close_transport
        )
        live = SimpleNamespace(end=lambda: self.steps.append("end the live views"))
        service = SimpleNamespace(
            switchboard=self.transports,
            server=server,
            live=live,
            stop=self._stop,
            metrics_port=SimpleNamespace(stop=self._stop_metrics),
        )
        await drain(cast("Service", service), cast("WebServer", self))

    async def stop_listening(self) -> None:
        self.steps.append("stop listening")

    async def _stop_metrics(self) -> None:
        self.steps.append("show no more metrics")

    async def finish_requests(self) -> None:
        self.steps.append("finish requests")

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def _close_transport(self, eio_sid: str) -> None:
        if not self.closed:
            self.steps.append("close transports")
        self.closed.append(eio_sid)

    async def _stop(self) -> None:
        assert len(self.closed) == len(self.transports)
        self.steps.append("stop the service")


def make_leaving(monkeypatch: pytest.MonkeyPatch, count: int) -> Leaving:
    leaving = Leaving([f"eio{number}" for number in range(count)])
    monkeypatch.setattr(drain_module, "asyncio", SimpleNamespace(sleep=leaving.sleep))
    return leaving


async def test_draining_goes_from_the_outside_in(monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = make_leaving(monkeypatch, 3)
    await leaving.drain()
    assert leaving.steps == [
        "stop listening",
        "show no more metrics",
        "end the live views",
        "close transports",
        "finish requests",
        "stop the service",
    ]


@pytest.mark.parametrize("count", [1, 2, 500])
async def test_every_transport_is_closed_once(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    leaving = make_leaving(monkeypatch, count)
    await leaving.drain()
    assert sorted(leaving.closed) == sorted(leaving.transports)


async def test_process_without_clients_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = make_leaving(monkeypatch, 0)
    await leaving.drain()
    assert leaving.pauses == []
    assert leaving.steps == [
        "stop listening",
        "show no more metrics",
        "end the live views",
        "finish requests",
        "stop the service",
    ]


async def test_transports_are_closed_in_random_order(monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = make_leaving(monkeypatch, 200)
    await leaving.drain()
    assert leaving.closed != leaving.transports
    assert leaving.closed != leaving.transports[::-1]


@pytest.mark.parametrize("count", [1, 10, 30, 1_000, 10_000])
async def test_pauses_between_transports_are_jittered_within_bounds(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    leaving = make_leaving(monkeypatch, count)
    await leaving.drain()
    middle = min(DRAIN_SECONDS / count, LONGEST_PAUSE_SECONDS)
    assert len(leaving.pauses) == count
    assert len(set(leaving.pauses)) == count
    assert all(0.5 * middle <= pause <= 1.5 * middle for pause in leaving.pauses)


@pytest.mark.parametrize("count", [30, 10_000])
@pytest.mark.parametrize(("pick", "factor"), [(min, 0.5), (max, 1.5)], ids=["least", "most"])
async def test_clients_come_back_spread_over_the_time_of_the_drain_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, count: int, pick: Pick, factor: float
) -> None:
    monkeypatch.setattr(random, "uniform", lambda *bounds: pick(bounds))
    leaving = make_leaving(monkeypatch, count)
    await leaving.drain()
    assert sum(leaving.pauses) == pytest.approx(factor * DRAIN_SECONDS)
    assert sum(leaving.pauses) <= 10  # of the 30 s within which the process has to end
