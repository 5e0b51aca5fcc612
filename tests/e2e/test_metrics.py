"""Metrics: a real Prometheus reads two workers, and knows all that dashboard and alerts ask."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientError, ClientSession

from tests.delivery.metrics_fixtures import Samples, parse, pick
from tests.e2e.installing import install, running, site_entries
from tests.e2e.node_client import NodeProcess
from tests.e2e.service import PROJECT, SERVER, Service
from tests.e2e.site import FakeSite
from tests.e2e.waiting import until
from tests.prometheus import promtool, require_prometheus

DEPLOY = PROJECT / "config" / "deploy"
TOKEN = "a-token-of-a-prometheus"
METRIC = re.compile(r"\b((?:sioweb|process)_[a-z_]+)")


def dashboard_queries() -> list[str]:
    """What the panels ask, with the variables that Grafana fills in."""
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    return [text.replace("$site", ".*").replace("$__rate_interval", "5m") for text in queries]


def alert_queries() -> list[str]:
    groups = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def two_free_ports() -> int:
    """Return the first of two in a row."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = int(first.getsockname()[1])
            try:
                with socket.create_server(("127.0.0.1", port + 1)):
                    return port
            except OSError:
                continue


@asynccontextmanager
async def prometheus(folder: Path, ports: list[int]) -> AsyncIterator[ClientSession]:
    """One with our configuration, but for the targets and its pace."""
    require_prometheus()
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    config["global"]["scrape_interval"] = "1s"
    config["rule_files"] = [str(DEPLOY / "prometheus-alerts.yml")]
    [job] = config["scrape_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ports]}]
    job["authorization"] = {"credentials": TOKEN}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = two_free_ports()
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with ClientSession(f"http://127.0.0.1:{port}") as http:
            yield http
    finally:
        process.kill()
        await process.wait()


async def ask(http: ClientSession, query: str) -> list[Any]:
    """Return the series that answer a query; raises when it cannot be answered."""
    async with http.get("/api/v1/query", params={"query": query}) as response:
        answer = await response.json()
    assert answer["status"] == "success", (query, answer)
    found: list[Any] = answer["data"]["result"]
    return found


async def scrape(port: int) -> Samples:
    headers, url = {"Authorization": f"Bearer {TOKEN}"}, f"http://127.0.0.1:{port}/metrics"
    async with ClientSession(headers=headers) as http, http.get(url) as response:
        assert response.status == 200
        return parse(await response.text())


async def deliver_something(service: Service, node: NodeProcess, fake_site: FakeSite) -> None:
    user = fake_site.new_user("everybody")
    client = node.open(service.namespace(token=user.token), transports=["websocket"])
    await client.next("connect")
    await service.send(user.room, "stored")
    await service.send("everybody", "broadcast")
    await client.events(2)


async def test_the_files_are_right() -> None:
    promtool("check", "config", str(DEPLOY / "prometheus.yml"))
    promtool("check", "rules", str(DEPLOY / "prometheus-alerts.yml"))


@pytest.mark.skipif(SERVER != "daphne", reason="workers pass connections on under daphne only")
async def test_a_prometheus_reads_each_worker_and_answers_every_panel(
    tmp_path: Path, fake_site: FakeSite, node: NodeProcess
) -> None:
    port = two_free_ports()
    config = {"metrics": {"port": port, "token": TOKEN}}
    installation = install(tmp_path / "service", site_entries(fake_site), config)
    async with running(installation, arguments=("--workers", "2")) as service:
        await deliver_something(service, node, fake_site)
        workers = [await scrape(port), await scrape(port + 1)]
        for number, samples in enumerate(workers):
            assert pick(samples, "info", worker=str(number)) == 1
        assert sum(sent(samples) for samples in workers) == 2
        async with service.http.get("/metrics") as response:
            assert response.status == 404
        names = {name for samples in workers for name, _ in samples}
        for query in (*dashboard_queries(), *alert_queries()):
            assert set(METRIC.findall(query)) <= names, query
        async with prometheus(tmp_path, [port, port + 1]) as http:
            await until(lambda: has_read(http, 2), "both workers are up")
            for query in dashboard_queries():
                assert await ask(http, query) is not None
            assert await ask(http, 'sum(sioweb_sends_total{result="accepted"}) == 2')
            for query in alert_queries():
                await ask(http, query)


def sent(samples: Samples) -> float:
    """Messages of `newsite`, which a worker without any may not know."""
    try:
        return pick(samples, "sends_total", site="newsite", result="accepted")
    except ValueError:
        return 0


async def has_read(http: ClientSession, count: int) -> bool:
    try:
        return len(await ask(http, "up == 1")) == count
    except ClientError:
        return False
