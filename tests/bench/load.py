"""The load generator, from the harness' side: `load.js` over stdin and stdout."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from tests.bench.servers import HERE, KEY, end

COMMAND_SECONDS = 120.0  # the longest a command may take
LINE_LIMIT_BYTES = 16 * 1024 * 1024

Transport = Literal["websocket", "polling"]


class LoadError(Exception):
    """The load generator could not do what it was told."""


@dataclass(frozen=True)
class Plan:
    """Whom the senders call, and how often.

    rate = calls a second; 0 = as many as go with the deliveries of `window` calls under way.
    """

    ports: Sequence[int]
    rooms: Sequence[str]
    seconds: float
    deliveries: int = 1  # that a call causes
    per_call: int = 1  # messages
    connections: int = 1
    window: int = 1
    rate: float = 0


@dataclass(frozen=True)
class Opened:
    seconds: float
    repeated: int  # connects that were cut, and came back


@dataclass(frozen=True)
class Sent:
    """What became of a plan, from its first call until everything has arrived."""

    seconds: float
    delivered: int
    answers: int
    missing: int  # deliveries that did not come
    refused: dict[str, int]  # calls not answered with 200, by status; 0 = the connection broke
    lost: int  # clients whose connection ended
    generator_load: float  # of one processor; near 1 = the generator was the limit
    delays_ms: dict[str, float] | None  # p50, p99, count

    @property
    def failures(self) -> str:
        """What went wrong, "" = nothing."""
        counts = {"deliveries missing": self.missing, "clients lost": self.lost}
        counts |= {f"calls answered with {status}": n for status, n in self.refused.items()}
        return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


class Load:
    """One process; use `start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.auth_url = ""

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator["Load"]:
        process = await asyncio.create_subprocess_exec(
            *("node", str(HERE / "load.js")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT_BYTES,
        )
        load = cls(process)
        try:
            load.auth_url = f"http://127.0.0.1:{(await load._read())['port']}/rooms"
            yield load
        finally:
            await end(process)

    async def open(
        self,
        ports: Sequence[int],
        tokens: Sequence[str],
        concurrency: int,
        transport: Transport = "websocket",
    ) -> Opened:
        """Connect a client for each token, so many at a time."""
        fields = {"transport": transport, "ports": ports, "tokens": tokens}
        result = await self._command("open", fields | {"concurrency": concurrency})
        return Opened(result["seconds"], result["repeated"])

    async def send(self, plan: Plan) -> Sent:
        fields = {
            "ports": plan.ports,
            "key": KEY,
            "rooms": plan.rooms,
            "perCall": plan.per_call,
            "deliveries": plan.deliveries,
            "connections": plan.connections,
            "window": plan.window,
            "seconds": plan.seconds,
            "rate": plan.rate,
        }
        result = await self._command("send", fields)
        return Sent(
            seconds=result["seconds"],
            delivered=result["delivered"],
            answers=result["answers"],
            missing=result["missing"],
            refused=result["refused"],
            lost=result["lost"],
            generator_load=result["generatorLoad"],
            delays_ms=result["delaysMs"],
        )

    async def heard(self) -> dict[str, int]:
        """Return {connected, lost, batches}, the last two since the generator began."""
        return await self._command("heard", {})

    async def close(self) -> None:
        """Cut all clients."""
        await self._command("close", {})

    async def _command(self, command: str, fields: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        line = json.dumps({"command": command} | fields) + "\n"
        self._process.stdin.write(line.encode())
        await self._process.stdin.drain()
        result = await self._read()
        if "error" in result:
            raise LoadError(f"{command}: {result['error']}")
        return result

    async def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), COMMAND_SECONDS)
        if not line:
            raise LoadError("it has ended")
        result: dict[str, Any] = json.loads(line)
        return result
