"""What it costs to be looked at: by an admin, and by a Prometheus. Scenarios of `scenarios`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial

from tests.bench.live_view import admin, slowest_page, viewing
from tests.bench.load import Plan
from tests.bench.measures import Measure
from tests.bench.scraper import scraping
from tests.bench.turn import Turn

VIEWS = 3
Watching = Callable[[], AbstractAsyncContextManager[None]]


async def live_view(turn: Turn) -> AsyncIterator[Measure]:
    """What an admin who looks at the live view costs; the peer has no such thing."""
    if turn.side.project is None:
        return
    plan = await _watched_plan(turn)
    async with admin(turn) as http:
        view = partial(viewing, http)
        yield await _compare("CPU with a live view ÷ without", turn, plan, view)
        (sent, _), slowest_ms = await asyncio.gather(
            turn.send(replace(plan, seconds=turn.sizes.visited_seconds)), slowest_page(http)
        )
    yield Measure("slowest admin page meanwhile", "ms", slowest_ms, "lower", failures=sent.failures)


async def metrics(turn: Turn) -> AsyncIterator[Measure]:
    """What being asked for the metrics costs, fifteen times as often as a Prometheus does."""
    if turn.side.project is None:
        return
    plan = await _watched_plan(turn)
    yield await _compare(
        "CPU with a scrape a second ÷ without", turn, plan, partial(scraping, turn)
    )


async def _watched_plan(turn: Turn) -> Plan:
    users = [f"user_{n}" for n in range(turn.sizes.watched_clients)]
    await turn.open(users)
    return replace(turn.plan(users), rate=turn.sizes.watched_rate)


async def _compare(name: str, turn: Turn, plan: Plan, watching: Watching) -> Measure:
    """Send as planned while somebody watches and while nobody does, in turn: a machine is quicker
    at times."""
    alone, watched, failures = 0.0, 0.0, ""
    for _ in range(VIEWS):
        sent, cpu_us = await turn.send(plan)
        alone += cpu_us
        async with watching():
            sent, cpu_us = await turn.send(plan)
        watched += cpu_us
        failures = failures or sent.failures
    whole = f"{name}, {len(plan.rooms):,} clients"
    return Measure(whole, "x", watched / alone, "lower", failures=failures)
