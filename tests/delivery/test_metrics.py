"""What a Prometheus is told: the counts as they are, by a bounded number of sites."""

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any

import pytest

from delivery.counters import REFUSALS, RESYNCS, Counters, SiteCounts
from delivery.exceptions import AuthRefused, AuthUnavailable
from delivery.metric_families import MAX_NAMED_SITES
from delivery.site_auth import SiteAuth
from sites.networks import DenyList
from tests.delivery.fake_site import FakeSite, Reply
from tests.delivery.http_fixtures import Edge
from tests.delivery.metrics_fixtures import counters, make_metrics, pick, scrape
from tests.delivery.queue_fixtures import SITE
from tests.delivery.socket_fixtures import Process, until
from tests.prometheus import promtool

__all__ = ["counters"]


@pytest.fixture
def counts(counters: Counters) -> SiteCounts:
    return counters.of("newsite")


async def test_every_count_is_told_with_its_site_and_worker(
    counters: Counters, counts: SiteCounts
) -> None:
    counts.connect()
    counts.refused["denied"] += 2
    counts.messages, counts.stored, counts.broadcast, counts.queued = 3, 4, 5, 6
    counts.ack(2, 0.003)
    counts.resync("overflow")
    counts.send_failures["unavailable"] += 8
    counts.call_auth("rooms", 0.2)
    counts.waiting, counts.dropped, counts.overflows = 9, 10, 11
    metrics = make_metrics(counters)
    metrics.worker = 3
    samples = await scrape(metrics)
    expected: dict[str, float] = {
        "connections": 1,
        "waiting": 9,
        "handshakes_total": 3,
        "connects_total": 1,
        "stored_total": 6,
        "acked_total": 2,
        "queue_overflows_total": 11,
        "dropped_frames_total": 10,
        "ack_delay_seconds_count": 1,
        "ack_delay_seconds_sum": 0.003,
        "auth_call_seconds_sum": 0.2,
    }
    for name, value in expected.items():
        assert pick(samples, name, site="newsite", worker="3") == value
    assert pick(samples, "refusals_total", reason="denied") == 2
    assert pick(samples, "sends_total", result="accepted") == 3
    assert pick(samples, "sends_total", result="unavailable") == 8
    assert pick(samples, "delivered_total", kind="stored") == 4
    assert pick(samples, "delivered_total", kind="broadcast") == 5
    assert pick(samples, "resyncs_total", reason="overflow") == 1
    assert pick(samples, "auth_calls_total", result="rooms") == 1
    assert pick(samples, "ack_delay_seconds_bucket", le="0.002") == 0
    assert pick(samples, "ack_delay_seconds_bucket", le="0.004") == 1
    assert pick(samples, "transports") == 7


async def test_what_was_reported_to_redis_is_told_all_the_same(
    counters: Counters, counts: SiteCounts
) -> None:
    counts.messages = 3
    counts.take()
    counts.messages += 1
    assert pick(await scrape(make_metrics(counters)), "sends_total", result="accepted") == 4


async def test_all_reasons_are_told_before_they_occur(counters: Counters) -> None:
    counters.of("newsite")
    samples = await scrape(make_metrics(counters))
    for reason in REFUSALS:
        assert pick(samples, "refusals_total", reason=reason) == 0
    for other in RESYNCS:
        assert pick(samples, "resyncs_total", reason=other) == 0


async def test_a_thousand_sites_have_a_hundred_names(counters: Counters) -> None:
    for number in range(1000):
        counters.of(f"site{number}").messages = 1
    samples = await scrape(make_metrics(counters))
    assert pick(samples, "sends_total", site="site99", result="accepted") == 1
    assert pick(samples, "sends_total", site="other", result="accepted") == 900
    sites = {dict(labels).get("site") for _, labels in samples}
    assert len(sites - {None}) == MAX_NAMED_SITES + 1


async def test_a_site_named_other_is_no_second_series(counters: Counters) -> None:
    for name in ("other", *(f"site{number}" for number in range(MAX_NAMED_SITES))):
        counters.of(name).messages = 1
    samples = await scrape(make_metrics(counters))
    assert pick(samples, "sends_total", site="other", result="accepted") == 2


async def test_a_name_of_any_characters_is_one_label(counters: Counters) -> None:
    name = 'new"site\\{é}\u2028'
    counters.of(name).clients = 4
    assert pick(await scrape(make_metrics(counters)), "connections", site=name) == 4


async def test_promtool_finds_nothing_wrong(counters: Counters, counts: SiteCounts) -> None:
    counts.ack(1, 0.1)
    text = (await make_metrics(counters).render()).decode()
    assert promtool("check", "metrics", text=text) == ""


async def test_every_metric_is_described(counters: Counters) -> None:
    text = Path(__file__).parents[2].joinpath("docs/metrics.md").read_text()
    described = set(re.findall(r"`(sioweb_\w+)`", text))
    exposed = (await make_metrics(counters).render()).decode()
    assert described == set(re.findall(r"^# TYPE (sioweb_\w+)", exposed, re.MULTILINE))


async def test_a_scrape_lets_others_go_on(counters: Counters) -> None:
    for number in range(100):
        counters.of(f"site{number}")
    turns = 0

    async def work() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    working = asyncio.create_task(work())
    await make_metrics(counters).render()
    working.cancel()
    assert turns >= 15


async def test_the_lag_of_the_event_loop_is_measured(
    counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.metrics.LOOP_SECONDS", 0.001)
    task = asyncio.create_task(make_metrics(counters).watch_loop())
    await until(lambda: sum(counters.loop_lag.counts) > 2)
    task.cancel()
    assert 0 <= counters.loop_lag.seconds < 20


async def test_the_lag_of_the_backplane_is_measured(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.metrics.PROBE_SECONDS", 0.001)
    counters = process.switchboard.counters
    task = asyncio.create_task(make_metrics(counters, process.backplane).watch_backplane())
    await until(lambda: sum(counters.backplane_lag.counts) > 2)
    task.cancel()
    assert 0 < counters.backplane_lag.seconds < 20


async def test_stored_messages_and_full_queues_are_counted(process: Process) -> None:
    await process.publish("user_1", "user_2", content=["hello"])
    assert process.counters.of(SITE).queued == 2


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (Reply(), "rooms"),
        (Reply(status=403), "denied"),
        (Reply(body=b"no JSON"), "bad_answer"),
        (Reply(status=500), "unreachable"),
    ],
)
async def test_calls_of_sites_are_counted_and_timed(
    fake_site: FakeSite, counters: Counters, counts: SiteCounts, reply: Reply, result: Any
) -> None:
    fake_site.answer(reply)
    site_auth = SiteAuth(DenyList(), counters)
    patience_seconds = 0.05 if result == "unreachable" else 9.0
    with contextlib.suppress(AuthRefused, AuthUnavailable):
        await site_auth.fetch_rooms(fake_site.snapshot(), "12345", patience_seconds)
    site_auth.close()
    assert counts.auth_results[result] >= 1
    assert sum(counts.auth_times.counts) == sum(counts.auth_results.values())


@pytest.mark.parametrize(
    ("query", "site", "result"),
    [
        ("site=newsite&apiKey=54321", "newsite", "invalid"),
        ("site=newsite&apiKey=wrong", "newsite", "unauthorized"),
        ("site=nosuchsite&apiKey=54321", "", "unauthorized"),
        ("apiKey=54321", "", "invalid"),
        ("&".join(f"a{number}=1" for number in range(200)), "", "invalid"),
    ],
)
async def test_what_send_refuses_is_counted(edge: Edge, query: str, site: str, result: Any) -> None:
    await edge.send({"rooms": []}, query=query)
    found = {name: counts.send_failures[result] for name, counts in edge.counters}
    assert found == {site: 1}
