"""A Prometheus that asks for the metrics while the service is measured."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientSession

from tests.bench.servers import METRICS_TOKEN
from tests.bench.turn import Turn
from tests.meanwhile import meanwhile

EVERY_SECONDS = 1.0  # a Prometheus asks every 15 s


@asynccontextmanager
async def scraping(turn: Turn) -> AsyncIterator[None]:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    base = f"http://127.0.0.1:{turn.running.ports[0]}"
    async with (
        ClientSession(base, headers=headers, raise_for_status=True) as http,
        meanwhile(_scrape(http)),
    ):
        yield


async def _scrape(http: ClientSession) -> None:
    while True:
        async with http.get("/metrics") as response:
            await response.read()
        await asyncio.sleep(EVERY_SECONDS)
