"""Thousands of clients in a process of their own, so that their work slows nobody's clock.

`Crowd` starts it and talks to it by lines of JSON: `[command, group, ...]` in, an answer out.
"""

import asyncio
import os
import resource
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from tests.certificates import trusting
from tests.faults.lean_client import LeanClient

OPEN_FILES = 20_000
NICENESS = 5  # the service comes first where cores are few, as if clients had their own machine
ANSWER_SECONDS = 60.0
LINE_LIMIT_BYTES = 16 * 1024 * 1024


@dataclass
class Status:
    """What a group of clients has seen so far."""

    clients: int = 0
    joined: int = 0  # now
    joins: int = 0  # ever
    left_behind: int = 0  # have never been joined
    messages: int = 0
    lowest: int = 0  # the least that a client has heard of, by number
    resyncs: int = 0
    longest_absence_seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)


@dataclass
class Crowd:
    """The clients, seen from the process that measures."""

    process: asyncio.subprocess.Process

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator["Crowd"]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.crowd"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT_BYTES,
        )
        try:
            yield cls(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def open(
        self, group: str, port: int, site: str, tokens: Sequence[str], **options: Any
    ) -> None:
        """`options` are those of a LeanClient; `ca` is the file that vouches for a server with
        TLS."""
        await self._tell("open", group, {"port": port, "site": site, **options}, list(tokens))

    async def cut(self, group: str) -> None:
        await self._tell("cut", group)

    async def resume(self, group: str) -> None:
        await self._tell("resume", group)

    async def stop(self, group: str) -> None:
        await self._tell("stop", group)

    async def forget_absences(self, group: str) -> None:
        await self._tell("forget_absences", group)

    async def status(self, group: str) -> Status:
        return Status(**await self._tell("status", group))

    async def _tell(self, *command: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(orjson.dumps(command) + b"\n")
        async with asyncio.timeout(ANSWER_SECONDS):
            line = await self.process.stdout.readline()
        assert line, "the clients' process has ended"
        return orjson.loads(line)


class Groups:
    """The clients, in their own process."""

    def __init__(self) -> None:
        self._groups: dict[str, list[LeanClient]] = {}

    def obey(self, command: str, group: str, *arguments: Any) -> Any:
        if command == "open":
            options, tokens = arguments
            if ca := options.pop("ca", ""):
                options["tls"] = trusting(ca)
            clients = [LeanClient(token=token, **options) for token in tokens]
            self._groups.setdefault(group, []).extend(clients)
        else:
            clients = self._groups[group]
        if command == "status":
            return asdict(_status(clients))
        for client in clients:
            getattr(client, command)()
        return None


def _status(clients: Sequence[LeanClient]) -> Status:
    outcomes = sum((client.outcomes for client in clients), Counter[str]())
    return Status(
        clients=len(clients),
        joined=sum(client.is_joined for client in clients),
        joins=sum(client.joins for client in clients),
        left_behind=sum(not client.joins for client in clients),
        messages=sum(client.heard.messages for client in clients),
        lowest=min((client.heard.highest for client in clients), default=0),
        resyncs=sum(client.heard.resyncs for client in clients),
        longest_absence_seconds=max((each.longest_absence_seconds for each in clients), default=0),
        problems=[problem for client in clients for problem in client.heard.problems],
        outcomes=dict(outcomes),
    )


async def _obey_all() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_LIMIT_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    groups = Groups()
    while line := await reader.readline():
        answer = groups.obey(*orjson.loads(line))
        sys.stdout.write(orjson.dumps(answer).decode() + "\n")
        sys.stdout.flush()


def raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    os.nice(NICENESS)
    raise_file_limit()
    asyncio.run(_obey_all())
