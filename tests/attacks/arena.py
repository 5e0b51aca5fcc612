"""Where attacks are run: a service with a Redis of its own, the attacker, and the bystander.

A run of one attack ends with its `Result`: what came of it, what the bystander noticed, and
whether the service is as it was.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientError

from tests.attacks.attack import Attack
from tests.attacks.attacker import Attacker
from tests.attacks.bystander import SENDERS, Bystander
from tests.attacks.target import CALM, HUNG, KEY, LIMITED, OWN
from tests.attacks.websites import ANSWERS
from tests.e2e.service import Installation
from tests.faults.processes import RedisProgram, ServiceProgram, free_port
from tests.faults.sender import percentile

HIGHEST_P99_MS = 250.0
HIGHEST_MIB = 768.0  # of the process, during any attack
SPARE_FILES = SENDERS + 8  # its own now and then, and what the bystander sends by
RETURN_SECONDS = 40.0  # until it has closed what the attacker has left, and its own to sites
SAMPLE_SECONDS = 0.2
METRICS_TOKEN = "a-token-that-is-only-for-attacks"
CONNECTIONS_PER_ADDRESS = 200
SENDS_PER_SECOND = 20  # of the site that is limited
CONFIG: dict[str, Any] = {
    "trusted_proxies": ["127.0.0.1"],  # the attacker comes by a proxy that tells its address
    "allowed_hosts": ["127.0.0.1"],
    "metrics": {"token": METRICS_TOKEN},
    "limits": {"connections_per_address": CONNECTIONS_PER_ADDRESS},
    "io": {"connectTimeout": 20_000},
}


@dataclass
class Result:
    attack: Attack
    outcomes: Counter[str]
    p99_ms: float
    messages: int  # that were timed
    mib: float  # the process at its highest
    problems: list[str] = field(default_factory=list)


@dataclass
class Arena:
    service: ServiceProgram
    attacker: Attacker
    bystander: Bystander
    is_timed: bool
    files: int = 0  # that the service has open when nobody attacks
    _highest_mib: float = 0.0
    _log_read: int = 0  # bytes

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, *, is_timed: bool = True) -> AsyncIterator["Arena"]:
        async with AsyncExitStack() as stack:
            redis = RedisProgram.create(folder / "redis")
            redis.arguments += ["--appendfsync", "everysec"]  # its own default; the last one counts
            await stack.enter_async_context(redis.running())
            sites_port = free_port()
            config = CONFIG | {"redis": {"url": redis.url}}
            installation = Installation.create(folder / "service", {}, config)
            service = ServiceProgram.create(installation, {})
            installation.write_sites(_entries(sites_port, service.port))
            await stack.enter_async_context(service.running())
            starting = Attacker.start(service.port, sites_port)
            attacker = await stack.enter_async_context(starting)
            bystander = await stack.enter_async_context(Bystander.start(service.url))
            yield cls(service, attacker, bystander, is_timed, files=_files(service))

    async def face(self, attack: Attack, seconds: float) -> Result:
        """1. Attack. 2. See what the bystander noticed. 3. See that the service is as it was."""
        self.bystander.begin()
        self._highest_mib = 0.0
        sampling = asyncio.create_task(self._sample())
        try:
            outcomes = await self.attacker.run(attack.name, seconds)
        finally:
            sampling.cancel()
        lost = await self.bystander.settle()
        times = self.bystander.milliseconds
        p99 = percentile(times, 0.99)
        result = Result(attack, outcomes, p99, len(times), self._highest_mib)
        result.problems += [
            f"unexpected: {each}" for each in outcomes if each not in attack.expected
        ]
        result.problems += [f"{each} x{count}" for each, count in self.bystander.failures.items()]
        if lost:
            result.problems.append(f"{lost} messages of the other site lost")
        if self.is_timed and p99 > HIGHEST_P99_MS:
            result.problems.append(f"p99 {p99:.0f} ms")
        result.problems += await self._find_damage()
        return result

    async def _find_damage(self) -> list[str]:
        """What is not as it was."""
        found = [] if self._highest_mib <= HIGHEST_MIB else [f"{self._highest_mib:.0f} MiB"]
        with suppress(TimeoutError):
            async with asyncio.timeout(RETURN_SECONDS):
                while _files(self.service) > self.files + SPARE_FILES:  # noqa: ASYNC110
                    await asyncio.sleep(SAMPLE_SECONDS)
        more = _files(self.service) - self.files
        if more > SPARE_FILES:
            found.append(f"{more} more files open")
        for path in ("/healthcheck", "/readyz"):
            found += await self._find_fault(path)
        return found + self._find_log_faults()

    async def _find_fault(self, path: str) -> list[str]:
        try:
            async with self.bystander.session.get(path) as answer:
                return [] if answer.status == 200 else [f"{path}: {answer.status}"]
        except (ClientError, TimeoutError) as error:
            return [f"{path}: {type(error).__name__}"]

    def _find_log_faults(self) -> list[str]:
        """New lines of the log that are no line of its own, or that a person must look at."""
        with self.service.log.open("rb") as log:
            log.seek(self._log_read)
            lines = log.read().splitlines()
            self._log_read = log.tell()
        return list(dict.fromkeys(fault for line in lines if (fault := _fault_of_line(line))))

    async def _sample(self) -> None:
        while True:
            self._highest_mib = max(self._highest_mib, self.service.rss_mib())
            await asyncio.sleep(SAMPLE_SECONDS)


def _entries(sites_port: int, service_port: int) -> dict[str, dict[str, Any]]:
    """An honest site each for the bystander and the attacker, and one for each bad answer."""
    common = {"apiKey": KEY, "userRoomPrefix": "user_"}
    here = f"http://127.0.0.1:{sites_port}"
    names = {CALM, OWN, LIMITED, HUNG, *ANSWERS}
    entries: dict[str, dict[str, Any]] = {
        name: {**common, "authUrl": f"{here}/{name}"} for name in names
    }
    entries[LIMITED]["limits"] = {"sends_per_second": SENDS_PER_SECOND}
    entries[LIMITED]["allowedOrigins"] = ["https://newsite.com"]
    own = f"http://127.0.0.1:{service_port}/socket.io/?EIO=4&transport=polling"
    entries["circular"] = {**common, "authUrl": own}
    return entries


def _files(service: ServiceProgram) -> int:
    assert service.process is not None
    return len(os.listdir(f"/proc/{service.process.pid}/fd"))  # noqa: PTH208, only the number


def _fault_of_line(line: bytes) -> str:
    try:
        fields = json.loads(line)
        level = fields["level"]
    except (ValueError, KeyError, TypeError):
        return f"log: {line[:80]!r}"
    return f"log: {fields.get('event')}" if level in ("error", "critical") else ""
