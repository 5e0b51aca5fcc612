"""The attacker, in a process of its own: what it does must slow nobody's clock.

`Attacker` starts it and talks to it by lines of JSON: `[attack, seconds]` in, outcomes out.
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from tests.attacks import websites
from tests.attacks.attack import Attack
from tests.attacks.catalogue import ATTACKS
from tests.attacks.target import Target
from tests.attacks.websocket import Refused
from tests.faults.crowd import raise_file_limit

NICENESS = 5  # the service comes first where cores are few, as if attackers had their own machine
LONGEST_SECONDS = 120.0  # of one attack


@dataclass
class Attacker:
    """Seen from the process that measures."""

    process: asyncio.subprocess.Process

    @classmethod
    @asynccontextmanager
    async def start(cls, service_port: int, sites_port: int) -> AsyncIterator["Attacker"]:
        arguments = ("-m", "tests.attacks.attacker", str(service_port), str(sites_port))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdin=pipe, stdout=pipe
        )
        try:
            assert process.stdout is not None
            assert await process.stdout.readline(), "the attacker has not started"
            yield cls(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def run(self, name: str, seconds: float) -> Counter[str]:
        """Return what came of it, and how often."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(orjson.dumps([name, seconds]) + b"\n")
        async with asyncio.timeout(LONGEST_SECONDS):
            line = await self.process.stdout.readline()
        assert line, "the attacker's process has ended"
        return Counter(orjson.loads(line))


async def attack(each: Attack, target: Target) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    target.begin()

    async def attack_again() -> None:
        while True:
            outcomes[await _outcome(each, target)] += 1
            if target.is_over or not each.is_repeated:
                return

    async with asyncio.TaskGroup() as tasks:
        for _ in range(each.at_once):
            tasks.create_task(attack_again())
    return outcomes


async def _outcome(each: Attack, target: Target) -> str:
    try:
        return await each.run(target)
    except Refused as error:
        return f"refused {error}"
    except TimeoutError:
        return "no answer"
    except (ConnectionError, asyncio.IncompleteReadError):
        return "closed"


async def obey(service_port: int, sites_port: int) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await websites.serve(sites_port)
    _tell(len(ATTACKS))
    while line := await reader.readline():
        name, seconds = orjson.loads(line)
        _tell(await attack(ATTACKS[name], Target(service_port, seconds)))


def _tell(answer: object) -> None:
    sys.stdout.write(orjson.dumps(answer).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.nice(NICENESS)
    raise_file_limit()
    asyncio.run(obey(int(sys.argv[1]), int(sys.argv[2])))
