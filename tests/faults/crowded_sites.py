"""The websites of a load scenario: one that takes its time, one that hangs, one that is not there.

They answer a token with the rooms that stand in the token itself: `room,room`. They run in a
process of their own, so that their work slows nobody's clock.
"""

import asyncio
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientSession, web

from tests.faults.processes import free_port

KEY = "a-key-that-is-only-for-load-tests"
COUNTS = "counts"  # a path that no site has
HANGING, REFUSING = "hanging", "refusing"


@dataclass
class Counts:
    """Of the calls, by site; the highest numbers of calls at once."""

    calls: Counter[str] = field(default_factory=Counter)
    most_in_flight: Counter[str] = field(default_factory=Counter)
    most_of_one_token: int = 0


@dataclass(frozen=True)
class CrowdedSites:
    """The websites, seen from the process that measures."""

    port: int

    @classmethod
    @asynccontextmanager
    async def start(cls, answer_seconds: float) -> AsyncIterator["CrowdedSites"]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.crowded_sites", str(answer_seconds)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            yield cls(int(await process.stdout.readline()))
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    def entries(self, *names: str) -> dict[str, dict[str, str]]:
        """What sites.yml says of them; nobody listens where `refusing` is said to be."""
        entries = {}
        for name in names:
            port = free_port() if name == REFUSING else self.port
            url = f"http://127.0.0.1:{port}/{name}"
            entries[name] = {"authUrl": url, "apiKey": KEY, "userRoomPrefix": "user_"}
        return entries

    async def counts(self) -> Counts:
        url = f"http://127.0.0.1:{self.port}/{COUNTS}"
        async with ClientSession() as session, session.get(url) as response:
            counts = await response.json()
        return Counts(
            Counter(counts["calls"]), Counter(counts["most_in_flight"]), counts["most_of_one_token"]
        )


@dataclass
class Sites:
    """The websites, in their own process."""

    answer_seconds: float
    counts: Counts = field(default_factory=Counts)
    _in_flight: defaultdict[str, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )  # site -> token -> calls

    async def serve(self) -> None:
        server = web.Server(self._answer, handler_cancellation=True)
        runner = web.ServerRunner(server, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        sys.stdout.write(f"{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        site = request.path.removeprefix("/")
        if site == COUNTS:
            return web.json_response(vars(self.counts))
        token = request.headers["Authorization"].partition(" ")[2]
        self._begin(site, token)
        try:
            if site == HANGING:
                await asyncio.Event().wait()
            await asyncio.sleep(self.answer_seconds)
        finally:
            self._in_flight[site] -= Counter([token])
        return web.json_response(token.split(","))

    def _begin(self, site: str, token: str) -> None:
        calls, counts = self._in_flight[site], self.counts
        calls[token] += 1
        counts.calls[site] += 1
        counts.most_of_one_token = max(counts.most_of_one_token, calls[token])
        counts.most_in_flight[site] = max(counts.most_in_flight[site], calls.total())


if __name__ == "__main__":
    asyncio.run(Sites(float(sys.argv[1])).serve())
