"""`python -m tests.faults.slow_readers`: clients that are connected and read nothing.

Far more is sent to each of them than may wait in the process. Those in a room of their own
must get it all, from their queues; those in shared rooms only are sent away; whoever reads
must not notice; and the process must not grow beyond its bound.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.service import Installation
from tests.faults.crowd import Crowd, Status, raise_file_limit
from tests.faults.crowded_sites import CrowdedSites
from tests.faults.figures import Figures
from tests.faults.processes import RedisProgram, ServiceProgram
from tests.faults.sender import Sender

SITE, NEWS = "slow", "news"
GROUPS = ("healthy", "patient", "late", "overflowing", "silent", "slow")
TEXT = "x" * 20_000
MESSAGES = 70  # to each user: 1.4 MB, more than the 1 MiB that may be unsent of a socket
BROADCASTS = 200  # 4 MB, more than that and what the system takes
OVERFLOW, BATCH = 10_500, 500  # messages to a queue that holds 10,000, and of one call
FEW, OVERFLOWING = 10, 2  # clients of the kinds of which some are enough
NOT_AT_ALL = {"reads": False, "receive_bytes": 4096}  # what the system takes for them
A_LITTLE = {"pause_seconds": 0.2, "receive_bytes": 65_536}
CLOSED = "closed 4000"
LONGEST_WAIT_SECONDS, SAMPLE_SECONDS = 300.0, 0.2
TIDY_SECONDS, KEPT_MIB = 65.0, 64.0  # memory is given back once a minute
# What may be unsent of all sockets together, before each may have but 128 KiB in its queue and
# as much again in Twisted's buffer and on the way there; the rest is for messages in flight.
UNSENT_MIB, SOCKET_MIB, IN_FLIGHT_MIB = 256.0, 0.25, 128.0


@dataclass
class SlowReaders:
    """One run. In a room of their own are `patient`, who read again in time, `late`, who do so
    after their ping timeout, and `overflowing`, who get more than a queue holds. In a shared
    room only are `silent`, who read nothing, and `slow`, who read a little. `healthy` clients
    are in both."""

    service: ServiceProgram
    crowd: Crowd
    figures: Figures
    rooms: list[str] = field(default_factory=list)  # of `patient` and `late`
    highest_mib: float = 0.0

    @classmethod
    @asynccontextmanager
    async def create(
        cls, folder: Path, *, ping_seconds: float, is_quiet: bool
    ) -> AsyncIterator["SlowReaders"]:
        async with AsyncExitStack() as stack:
            sites = await stack.enter_async_context(CrowdedSites.start(0.0))
            redis = RedisProgram.create(folder / "redis")
            await stack.enter_async_context(redis.running())
            half = int(ping_seconds * 500)
            io = {"pingInterval": half, "pingTimeout": half}
            config = {"redis": {"url": redis.url}, "io": io}
            installation = Installation.create(folder / "service", sites.entries(SITE), config)
            service = ServiceProgram.create(installation, {})
            await stack.enter_async_context(service.running())
            crowd = await stack.enter_async_context(Crowd.start())
            yield cls(service, crowd, Figures(is_quiet=is_quiet))

    async def run(self, clients: int) -> Figures:
        """1. Let all connect. 2. Send more than they may leave unread, to shared rooms first;
        3. see those gone who are in no other. 4. Let `patient` read again. 5. Overflow some
        queues. 6. Let `late` read when their time is over. 7. See what stays when all are gone."""
        await self._connect(clients)
        start_mib = self.service.rss_mib()
        self.figures.note("memory when all are connected, MiB", start_mib)
        async with self._sampled():
            await self._broadcast()
            await self._see_shared_gone(clients)
            await self._store()
            await self._read_again("patient")
            await self._overflow()
            await self._see_late_gone(clients)
            await self._read_again("late")
        bound = start_mib + UNSENT_MIB + clients * SOCKET_MIB + IN_FLIGHT_MIB
        self.figures.promise("memory at its highest, MiB", self.highest_mib, at_most=bound)
        await self._send_away(start_mib)
        return self.figures

    async def _connect(self, clients: int) -> None:
        await self._open("healthy", [f"{room},{NEWS}" for room in self._rooms("healthy", FEW)])
        for group in ("patient", "late"):
            self.rooms += self._rooms(group, clients // 4)
            await self._open(group, self._rooms(group, clients // 4), **NOT_AT_ALL)
        await self._open("overflowing", self._rooms("overflowing", OVERFLOWING), **NOT_AT_ALL)
        await self._open("silent", [NEWS] * (clients // 2), **NOT_AT_ALL)
        await self._open("slow", [NEWS] * FEW, **A_LITTLE)
        for group in GROUPS:
            await self._until(group, lambda seen: seen.joined == seen.clients)

    def _rooms(self, group: str, number: int) -> list[str]:
        return [f"user_{group}{i}" for i in range(number)]

    async def _open(self, group: str, tokens: list[str], **options: Any) -> None:
        await self.crowd.open(group, self.service.port, SITE, tokens, **options)

    async def _broadcast(self) -> None:
        async with self._sender([NEWS]) as sender:
            for _ in range(BROADCASTS):
                await sender.deliver(TEXT)
        await self._see_healthy(BROADCASTS)

    async def _store(self) -> None:
        groups = self.rooms, self._rooms("overflowing", OVERFLOWING), self._rooms("healthy", FEW)
        async with AsyncExitStack() as stack:
            senders = [await stack.enter_async_context(self._sender(rooms)) for rooms in groups]
            for _ in range(MESSAGES):
                await asyncio.gather(*(sender.deliver(TEXT) for sender in senders))
        await self._see_healthy(BROADCASTS + MESSAGES)

    async def _overflow(self) -> None:
        """More than a queue holds; then let them read, who must be told to reload."""
        async with self._sender(self._rooms("overflowing", OVERFLOWING)) as sender:
            sender.sent = MESSAGES
            for _ in range(OVERFLOW // BATCH):
                await sender.deliver_batch(BATCH)
        await self.crowd.resume("overflowing")
        await self._until("overflowing", lambda seen: seen.resyncs >= seen.clients)
        seen = await self.crowd.status("overflowing")
        untold = seen.clients - seen.resyncs
        self.figures.promise("overflowing: not told to reload", untold, at_most=0)
        self.figures.promise("overflowing: not in order", len(seen.problems), at_most=0)

    @asynccontextmanager
    async def _sender(self, rooms: list[str]) -> AsyncIterator[Sender]:
        sender = Sender(self.service.url, SITE, rooms)
        async with sender.opened():
            yield sender
        failed = sender.answers.total() - sender.answers["200"]
        self.figures.note(f"{len(rooms)} rooms: /send, repeated", failed)

    async def _see_healthy(self, messages: int) -> None:
        await self._until("healthy", lambda seen: seen.messages >= messages * FEW)
        seen = await self.crowd.status("healthy")
        missing = messages * FEW - seen.messages
        self.figures.promise("messages that healthy clients missed", missing, at_most=0)
        self.figures.promise("healthy clients sent away", seen.joins - seen.clients, at_most=0)

    async def _see_shared_gone(self, clients: int) -> None:
        """Who reads nothing cannot be told why; who reads a little is, and comes back."""
        await self._until("slow", lambda seen: seen.outcomes.get(CLOSED, 0) >= seen.clients)
        await self._until("slow", lambda seen: seen.joined == seen.clients)
        seen = await self.crowd.status("slow")
        untold = seen.clients - seen.outcomes.get(CLOSED, 0)
        self.figures.promise("slow clients of a shared room not told why", untold, at_most=0)
        left = clients // 4 * 2 + OVERFLOWING + 2 * FEW
        stayed = await self._count_down_to(left) - left
        self.figures.promise("silent clients of a shared room that stayed", stayed, at_most=0)

    async def _read_again(self, group: str) -> None:
        await self.crowd.resume(group)
        await self._until(group, lambda seen: seen.lowest >= MESSAGES)
        seen = await self.crowd.status(group)
        self.figures.note(f"{group}: connections made", seen.joins)
        self.figures.promise(f"{group}: messages missing", MESSAGES - seen.lowest, at_most=0)
        self.figures.promise(f"{group}: not in order", len(seen.problems), at_most=0)
        self.figures.promise(f"{group}: needless resyncs", seen.resyncs, at_most=0)

    async def _see_late_gone(self, clients: int) -> None:
        left = clients // 4 + OVERFLOWING + 2 * FEW  # all that read
        await self.crowd.stop("silent")
        stayed = await self._count_down_to(left) - left
        self.figures.promise("silent users that stayed past their time", stayed, at_most=0)

    async def _send_away(self, start_mib: float) -> None:
        for group in GROUPS:
            await self.crowd.stop(group)
        left = await self._count_down_to(0)
        self.figures.promise("connections left in the end", left, at_most=0)
        if not self.figures.is_quiet:
            self.figures.note("memory when all are gone, MiB", self.service.rss_mib())
            await asyncio.sleep(TIDY_SECONDS)
            kept_mib = self.service.rss_mib() - start_mib
            self.figures.promise("kept a minute later, MiB", kept_mib, at_most=KEPT_MIB)

    async def _until(self, group: str, is_so: Callable[[Status], bool]) -> None:
        async with _bounded():
            while not is_so(await self.crowd.status(group)):  # noqa: ASYNC110, another process tells
                await asyncio.sleep(0.2)

    async def _count_down_to(self, number: int) -> int:
        """Wait until so few connections are open; return how many are."""
        count = self.service.connections()
        async with _bounded():
            while count > number:
                await asyncio.sleep(0.2)
                count = self.service.connections()
        return count

    @asynccontextmanager
    async def _sampled(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._sample())
        try:
            yield
        finally:
            task.cancel()

    async def _sample(self) -> None:
        while True:
            self.highest_mib = max(self.highest_mib, self.service.rss_mib())
            await asyncio.sleep(SAMPLE_SECONDS)


@asynccontextmanager
async def _bounded() -> AsyncIterator[None]:
    """What does not happen in time is seen in the figures."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            yield


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.slow_readers", description=__doc__
    )
    parser.add_argument("--clients", type=int, default=2000, help="that read nothing; default 2000")
    parser.add_argument(
        "--ping-seconds", type=float, default=90.0, help="without a pong; default 90"
    )
    options = parser.parse_args()
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="slow-readers-") as folder:
        return asyncio.run(run(Path(folder), options.clients, options.ping_seconds)).exit_code


async def run(
    folder: Path, clients: int, ping_seconds: float, *, is_quiet: bool = False
) -> Figures:
    context = SlowReaders.create(folder, ping_seconds=ping_seconds, is_quiet=is_quiet)
    async with context as slow_readers:
        return await slow_readers.run(clients)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sioweb_project.settings")
    sys.exit(main())
