"""Inputs for a real service, over HTTP, websockets and polling, a few connections at a time.

Meanwhile a client that behaves gets one message after the other, and one message waits for
somebody whom only strangers try to ack it for.
"""

import asyncio
import itertools
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout

from tests.e2e.installing import site_entries
from tests.e2e.sending import QUERY
from tests.e2e.service import FAILURE, Installation
from tests.e2e.site import FakeSite
from tests.faults.lean_client import LeanClient
from tests.faults.processes import RedisProgram, ServiceProgram
from tests.fuzz.attackers import Attackers
from tests.fuzz.chance import Chance
from tests.fuzz.findings import Findings
from tests.fuzz.packets import MAKERS
from tests.meanwhile import meanwhile

WORKERS = 8
HANG_SECONDS = 60.0
PAUSE_SECONDS = 0.2  # between two messages for the client that behaves
MOST_GROWTH_MIB = 16.0
GOOD, ABSENT, FUZZ = "good", "absent", "fuzz"  # tokens, and whose
# How often each is chosen; the connections of some hold a hundred inputs, of others one.
SHARES = {
    "requests": 30,
    "bytes": 60,
    "broken frames": 40,
    "polls": 20,
    "malformed packets": 120,
    "namespaces": 1,
    "foreign acks": 20,
    "attachments": 40,
    "oversized": 0.5,
    "floods": 2,
}

Attack = Callable[[Chance, int], Awaitable[int]]


@dataclass
class Wire:
    seed: str
    inputs: int
    findings: Findings
    service: ServiceProgram
    site: FakeSite
    done: int = 0
    sent: int = 0
    slowest_seconds: float = 0.0  # until the client that behaves had its message
    half_mib: float = 0.0

    def __post_init__(self) -> None:
        self._numbers = itertools.count()
        self._attackers = Attackers(self.service.port, self.findings)

    async def run(self) -> None:
        """1. Leave a message for somebody who is not there. 2. Attack, and deliver meanwhile.
        3. See whether the message still waits. 4. Add up."""
        async with ClientSession(self.service.url, timeout=ClientTimeout(HANG_SECONDS)) as http:
            await self._send(http, ABSENT, 1)
            async with self._client(GOOD) as client:
                async with meanwhile(self._deliver(http, client)):
                    await asyncio.gather(*(self._attack() for _ in range(WORKERS)))
                for problem in client.heard.problems:
                    self.findings.report("client that behaves", 0, problem)
            await self._find_what_waited()
        self._add_up()

    async def _attack(self) -> None:
        attacks = self._attacks()
        while self.done < self.inputs and self._is_alive():
            number = next(self._numbers)
            chance = Chance(f"{self.seed}/wire/{number}")
            [kind] = chance.choices(list(SHARES), list(SHARES.values()))
            count = 1
            try:
                count = await attacks[kind](chance, number)
            except (TimeoutError, OSError) as error:
                self.findings.report(kind, number, f"hang, or no connection: {error!r}")
            self.findings.inputs[f"over the wire: {kind}"] += count
            self._count(count)

    def _attacks(self) -> dict[str, Attack]:
        attackers = self._attackers
        own: dict[str, Attack] = {
            "requests": attackers.send_requests,
            "bytes": attackers.send_bytes,
            "broken frames": attackers.send_broken_frames,
            "polls": attackers.poll,
        }
        return own | {kind: attackers.over_websocket(kind) for kind in MAKERS}

    def _count(self, inputs: int) -> None:
        self.done += inputs
        if not self.half_mib and self.done >= self.inputs / 2:
            self.half_mib = self.service.rss_mib()

    async def _deliver(self, http: ClientSession, client: LeanClient) -> None:
        """One message after the other, each when the one before has come."""
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            self.sent += 1
            await self._send(http, GOOD, self.sent)
            if not await _has_heard(client, self.sent):
                self.findings.report("client that behaves", self.sent, "got no message")
            self.slowest_seconds = max(self.slowest_seconds, clock() - began)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _send(self, http: ClientSession, user: str, number: int) -> None:
        message = {"rooms": f"user_{user}", "event": "m", "args": [number]}
        try:
            async with http.post("/send", params=QUERY, json=message) as answer:
                if answer.status != 200:
                    self.findings.report("sender that behaves", number, await answer.text())
        except (TimeoutError, OSError) as error:
            self.findings.report("sender that behaves", number, repr(error))

    @asynccontextmanager
    async def _client(self, user: str) -> AsyncIterator[LeanClient]:
        client = LeanClient(self.service.port, QUERY["site"], user)
        client.open()
        try:
            yield client
        finally:
            client.stop()

    async def _find_what_waited(self) -> None:
        """The others' acks have not taken it away."""
        async with self._client(ABSENT) as client:
            if not await _has_heard(client, 1):
                self.findings.report("message for somebody absent", 0, "is gone")

    def _is_alive(self) -> bool:
        process = self.service.process
        return process is not None and process.returncode is None

    def _add_up(self) -> None:
        note, promise = self.findings.note, self.findings.promise
        note("client that behaves: messages", self.sent)
        note("client that behaves: slowest, s", self.slowest_seconds)
        note("service: memory at half, MiB", self.half_mib)
        grown = self.service.rss_mib() - self.half_mib if self._is_alive() else 0.0
        promise("service: grown by, MiB", grown, at_most=MOST_GROWTH_MIB)


async def _has_heard(client: LeanClient, number: int) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(HANG_SECONDS):
            while client.heard.highest < number:  # noqa: ASYNC110, the client sets no event
                await asyncio.sleep(0.01)
    return client.heard.highest >= number


async def run(seed: str, inputs: int, findings: Findings, folder: Path, server: str) -> None:
    async with AsyncExitStack() as stack:
        site = await FakeSite.start()
        stack.push_async_callback(site.close)
        for user in (GOOD, ABSENT, FUZZ):
            site.knows(user, [f"user_{user}", "everybody"])
        redis = RedisProgram.create(folder / "redis")
        await stack.enter_async_context(redis.running())
        config = {"redis": {"url": redis.url}}
        installation = Installation.create(folder / "service", site_entries(site), config)
        service = ServiceProgram.create(installation, {})
        service.arguments += ["--server", server]
        await stack.enter_async_context(service.running())
        await Wire(seed, inputs, findings, service, site).run()
        await _end(service, findings)


async def _end(service: ServiceProgram, findings: Findings) -> None:
    """It was never gone, ends as it should, and its log has nothing that a person must see."""
    exit_code = await service.end(signal.SIGTERM)
    if exit_code:
        findings.report("service", 0, f"ended with {exit_code}")
    with service.log.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if FAILURE.search(line) or not _is_json(line):
                findings.report("log of the service", number, line.rstrip())


def _is_json(line: str) -> bool:
    """As each line of a log in production is: what was sent begins none of its own."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
