"""What a client that is connected and idle takes of a process: its memory and its processor.

Of the latter: answers to pings, and renewals of the user's lease. Part of `make sizing`.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.servers import redis_server
from tests.e2e.service import Installation
from tests.e2e.waiting import until
from tests.faults.crowd import Crowd
from tests.faults.crowded_sites import CrowdedSites
from tests.faults.processes import ServiceProgram

SITE = "sizing"
JOIN_SECONDS = 120.0
REST_SECONDS = 3.0  # until what a handshake leaves is let go


@dataclass(frozen=True)
class Idle:
    """Of one connection, but for the first."""

    empty_mib: float  # the process without any
    kib: float
    microseconds: float  # in a second


async def idle(folder: Path, clients: int, seconds: float, rest: float = REST_SECONDS) -> Idle:
    """A user each; `seconds` are to hold a ping of each (25 s) and a renewal (20 s)."""
    async with AsyncExitStack() as stack:
        sites = await stack.enter_async_context(CrowdedSites.start(0))
        url = await stack.enter_async_context(redis_server(folder))
        entries = sites.entries(SITE)
        installation = Installation.create(folder / "idle", entries, {"redis": {"url": url}})
        service = ServiceProgram.create(installation, {})
        await stack.enter_async_context(service.running())
        crowd = await stack.enter_async_context(Crowd.start())
        kib_before = service.rss_mib() * 1024
        tokens = [f"user_{number}" for number in range(clients)]
        await crowd.open(SITE, service.port, SITE, tokens)

        async def all_joined() -> bool:
            return (await crowd.status(SITE)).joined == clients

        await until(all_joined, "all joined", JOIN_SECONDS)
        await asyncio.sleep(rest)
        cpu_before = service.cpu_seconds()
        await asyncio.sleep(seconds)
        cpu = service.cpu_seconds() - cpu_before
        kib = service.rss_mib() * 1024 - kib_before
    return Idle(kib_before / 1024, kib / clients, 1e6 * cpu / clients / seconds)
