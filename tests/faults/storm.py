"""`python -m tests.faults.storm`: everybody connects at once, is cut at once, comes back at once.

Their site takes 200 ms to say who they are; two other sites do not answer at all; a fourth
sends all the while, and must not notice.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.service import Installation
from tests.faults.crowd import Crowd, raise_file_limit
from tests.faults.crowded_sites import HANGING, REFUSING, CrowdedSites
from tests.faults.figures import Figures
from tests.faults.processes import RedisProgram, ServiceProgram
from tests.faults.sender import Sender, percentile

STORM, CALM = "storm", "calm"
ANSWER_SECONDS = 0.2
CALLS_PER_SITE = 100  # what the service promises its sites
SHARING = 5  # one client in so many brings the token of others
CLIENTS_PER_TOKEN = 20  # of those
CALM_CLIENTS = 10
REST_SECONDS = 3.0
LONGEST_WAVE_SECONDS = 120.0
HIGHEST_P95_MS = 100.0
CONNECT_TIMEOUT_MS = 10_000


@dataclass
class Storm:
    """One run; `is_timed` = how long things take is promised, too."""

    service: ServiceProgram
    sites: CrowdedSites
    crowd: Crowd
    figures: Figures
    is_timed: bool
    sent: int = 0

    @classmethod
    @asynccontextmanager
    async def create(cls, folder: Path, *, is_timed: bool) -> AsyncIterator["Storm"]:
        async with AsyncExitStack() as stack:
            sites = await stack.enter_async_context(CrowdedSites.start(ANSWER_SECONDS))
            redis = RedisProgram.create(folder / "redis")
            await stack.enter_async_context(redis.running())
            installation = Installation.create(
                folder / "service",
                sites.entries(STORM, CALM, HANGING, REFUSING),
                {"redis": {"url": redis.url}, "io": {"connectTimeout": CONNECT_TIMEOUT_MS}},
            )
            service = ServiceProgram.create(installation, {})
            await stack.enter_async_context(service.running())
            crowd = await stack.enter_async_context(Crowd.start())
            yield cls(service, sites, crowd, Figures(is_quiet=not is_timed), is_timed)

    async def run(self, clients: int, clients_of_sites_down: int) -> Figures:
        """1. Time `/send` while nothing else goes on. 2. Let those come whose site is down.
        3. Let all connect at once. 4. Cut all, who come back at once. 5. Add up."""
        await self._open(CALM, ["news"] * CALM_CLIENTS)
        await self._until_joined(CALM, CALM_CLIENTS)
        await self._time_sends("alone", asyncio.sleep(REST_SECONDS))
        for site in (HANGING, REFUSING):
            await self._open(site, [f"user_{i}" for i in range(clients_of_sites_down // 2)])
        await self._time_sends("beside sites that are down", asyncio.sleep(REST_SECONDS))
        await self._open(STORM, [_token(number) for number in range(clients)])
        await self._time_sends("as all connect", self._until_joined(STORM, clients))
        await self.crowd.cut(STORM)
        await self._time_sends("as all come back", self._until_joined(STORM, 2 * clients))
        await self._add_up(clients)
        return self.figures

    async def _open(self, site: str, tokens: list[str]) -> None:
        await self.crowd.open(site, self.service.port, site, tokens)

    async def _until_joined(self, group: str, joins: int) -> None:
        """Wait until all are there, after so many joins of them together, but not for ever."""
        deadline = asyncio.get_running_loop().time() + LONGEST_WAVE_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            status = await self.crowd.status(group)
            if status.joined == status.clients and status.joins >= joins:
                return
            await asyncio.sleep(0.1)

    async def _time_sends(self, when: str, meanwhile: Awaitable[None]) -> None:
        started_at, cpu_at = asyncio.get_running_loop().time(), self.service.cpu_seconds()
        sender = Sender(self.service.url, CALM, ["news"], sent=self.sent)
        async with sender.sending():
            await meanwhile
        seconds = asyncio.get_running_loop().time() - started_at
        self.sent = sender.sent
        answers, times = sender.answers, sender.milliseconds
        self.figures.note(f"{when}: seconds", seconds)
        self.figures.note(f"{when}: CPU seconds", self.service.cpu_seconds() - cpu_at)
        self.figures.note(f"{when}: /send, p50 ms", percentile(times, 0.5))
        p95 = percentile(times, 0.95)
        limit = HIGHEST_P95_MS if self.is_timed else float("inf")
        self.figures.promise(f"{when}: /send, p95 ms", p95, at_most=limit)
        self.figures.note(f"{when}: /send, longest ms", max(times, default=0.0))
        failed = answers.total() - answers["200"]
        self.figures.promise(f"{when}: /send, not answered 200", failed, at_most=0)
        self.figures.note(f"{when}: memory, MiB", self.service.rss_mib())

    async def _add_up(self, clients: int) -> None:
        storm, calm = await self.crowd.status(STORM), await self.crowd.status(CALM)
        counts = await self.sites.counts()
        self.figures.promise("clients left behind", clients - storm.joined, at_most=0)
        self.figures.promise(
            "clients that were refused", storm.outcomes.get("refused", 0), at_most=0
        )
        self.figures.note("connections closed by the service", storm.outcomes.get("closed 1000", 0))
        self.figures.note("what else happened to clients", storm.outcomes)
        self.figures.note("calls of the site", counts.calls[STORM])
        for site in (STORM, HANGING):
            name = f"calls in flight to {site}"
            self.figures.promise(name, counts.most_in_flight[site], at_most=CALLS_PER_SITE)
        self.figures.promise("calls in flight with one token", counts.most_of_one_token, at_most=1)
        lost = self.sent * CALM_CLIENTS - calm.messages
        self.figures.promise("messages lost to clients of the other site", lost, at_most=0)
        self.figures.note("memory at its highest, MiB", self.service.highest_rss_mib())


def _token(number: int) -> str:
    """A room of the client's own and one for all; some clients are one and the same user."""
    user = f"s{number // (SHARING * CLIENTS_PER_TOKEN)}" if number % SHARING == 0 else str(number)
    return f"user_{user},staff"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.storm", description=__doc__)
    parser.add_argument("--clients", type=int, default=5000, help="default 5000")
    parser.add_argument("--down", type=int, default=200, help="whose site is down; default 200")
    options = parser.parse_args()
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        figures = asyncio.run(run(Path(folder), options.clients, options.down))
    return figures.exit_code


async def run(folder: Path, clients: int, down: int, *, is_timed: bool = True) -> Figures:
    async with Storm.create(folder, is_timed=is_timed) as storm:
        return await storm.run(clients, down)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sioweb_project.settings")
    sys.exit(main())
