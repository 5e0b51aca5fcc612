"""The Redis of a run, as the faults see it: one server, or servers that stand in for each other."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from delivery.names import room_key
from tests.faults.processes import RedisProgram
from tests.faults.website import SITE
from tests.redis_topologies import TOPOLOGIES, Topology

KINDS = ("server", *TOPOLOGIES)


class Store(Protocol):
    """`key` names a room: of several servers its own is meant."""

    @property
    def url(self) -> str: ...

    async def kill(self, key: str) -> None: ...

    async def pause(self, key: str) -> None: ...

    async def heal(self) -> None:
        """Have all servers run again."""


@dataclass
class Server:
    program: RedisProgram

    @property
    def url(self) -> str:
        return self.program.url

    async def kill(self, key: str) -> None:
        await self.program.end(signal.SIGKILL)

    async def pause(self, key: str) -> None:
        self.program.pause()

    async def heal(self) -> None:
        if self.program.is_stopped:
            self.program.resume()
        else:
            await self.program.start()


@dataclass
class Servers:
    topology: Topology

    @property
    def url(self) -> str:
        return self.topology.url

    async def kill(self, key: str) -> None:
        await self.topology.kill_master(key)

    async def pause(self, key: str) -> None:
        await self.topology.freeze_master(key)

    async def heal(self) -> None:
        await self.topology.bring_back()


@asynccontextmanager
async def open_store(kind: str, folder: Path) -> AsyncIterator[Store]:
    if kind != "server":
        async with TOPOLOGIES[kind]() as topology:
            yield Servers(topology)
        return
    program = RedisProgram.create(folder)
    await program.start()
    try:
        yield Server(program)
    finally:
        program.resume()
        await program.end(signal.SIGKILL)


def key_of(room: str) -> str:
    return room_key("sioweb", SITE, room)
