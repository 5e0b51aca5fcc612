"""Where a Prometheus finds the metrics, and who may read them: the page, or a port of its own."""

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientSession

from delivery.counters import Counters
from delivery.exceptions import MetricsUnavailable
from delivery.metrics_port import MetricsPort
from tests.delivery.http_fixtures import Edge
from tests.delivery.metrics_fixtures import counters, make_metrics, parse, pick

__all__ = ["counters"]


TOKEN = "a-token-of-a-prometheus"


async def test_without_token_or_port_there_is_no_page(edge: Edge) -> None:
    assert (await edge.get("/metrics")).error[:2] == (404, "not_found")


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
async def test_the_page_is_for_those_with_the_token(edge: Edge, settings: Any, given: str) -> None:
    config = settings.CONFIG
    settings.CONFIG = replace(config, metrics=replace(config.metrics, token=TOKEN))
    headers = {"Authorization": given} if given else {}
    answer = await edge.exchange("GET", "/metrics", "", headers, b"")
    assert answer.error[:2] == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_the_page_has_the_metrics(
    edge: Edge, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings.CONFIG
    settings.CONFIG = replace(config, metrics=replace(config.metrics, token=TOKEN))
    edge.counters.of("newsite").clients = 4
    answer = await edge.exchange("GET", "/metrics", "", {"Authorization": f"Bearer {TOKEN}"}, b"")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert pick(parse(answer.body.decode()), "connections", site="newsite") == 4


async def test_with_a_port_of_its_own_there_is_no_page_elsewhere(edge: Edge, settings: Any) -> None:
    config = settings.CONFIG
    settings.CONFIG = replace(config, metrics=replace(config.metrics, token=TOKEN, port=0))
    answer = await edge.exchange("GET", "/metrics", "", {"Authorization": f"Bearer {TOKEN}"}, b"")
    assert answer.status == 404


@pytest.mark.parametrize("token", ["", TOKEN])
async def test_a_port_of_its_own_answers_those_who_may(counters: Counters, token: str) -> None:
    port = MetricsPort(make_metrics(counters), "127.0.0.1", 0, token)
    await port.start(is_shared=False)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with ClientSession(port.url) as http:
        async with http.get("/metrics", headers=headers) as response:
            assert response.status == 200
            assert "sioweb_info" in await response.text()
        async with http.get("/metrics") as response:
            assert response.status == (401 if token else 200)
        async with http.post("/metrics", headers=headers) as response:
            assert response.status == 405
        async with http.get("/admin/") as response:
            assert response.status == 404
    await port.stop()


async def test_a_port_that_is_taken_is_said(counters: Counters) -> None:
    port = MetricsPort(make_metrics(counters), "127.0.0.1", 0, "")
    await port.start(is_shared=False)
    taken = int(port.url.rpartition(":")[2])
    other = MetricsPort(make_metrics(counters), "127.0.0.1", taken, "")
    with pytest.raises(MetricsUnavailable, match=f"Cannot listen on 127.0.0.1:{taken} for metrics"):
        await other.start(is_shared=False)
    await port.stop()
