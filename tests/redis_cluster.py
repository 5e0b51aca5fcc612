"""A Redis Cluster of three masters with a replica each, for tests."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import quote

from redis.crc import key_slot
from redis.exceptions import RedisError

from tests.e2e.waiting import until
from tests.redis_process import (
    FAILOVER_SECONDS,
    PASSWORD,
    SERVER_CONFIG,
    RedisProcess,
    ending,
    free_port,
    temporary_folder,
)

NODE_TIMEOUT_MS = 3000  # a node that waits for a busy disk is not down
# Redis gives up after five seconds, when there were no votes: a shard has some once in twice the
# nodes' timeout.
GIVEN_UP_SECONDS, FAILOVER_TRIES = 6.0, 5
SLOT_RANGES = ((0, 5460), (5461, 10922), (10923, 16383))


@dataclass
class Cluster:
    url: str
    nodes: list[RedisProcess]

    @property
    def servers(self) -> list[RedisProcess]:
        return self.nodes

    async def master_of(self, key: str) -> RedisProcess:
        """The running master of a key's slot, by the word of the nodes that run."""
        for node in self.nodes:
            port = await _master_port(node, key_slot(key.encode()))
            if port is not None:
                return next(each for each in self.nodes if each.port == port)
        raise AssertionError("no node runs")

    async def kill_master(self, key: str = "") -> None:
        (await self.master_of(key)).signal(signal.SIGKILL)

    async def kill_all(self) -> None:
        for node in self.nodes:
            node.signal(signal.SIGKILL)

    async def freeze_master(self, key: str = "") -> None:
        (await self.master_of(key)).signal(signal.SIGSTOP)

    async def bring_back(self) -> None:
        for node in self.nodes:
            await node.bring_back()
        await _until_whole(self.nodes)

    async def fail_over(self, key: str = "") -> None:
        old = await self.master_of(key)
        replica = await self.replica_of(old)

        async def is_over() -> bool:
            return await replica.is_master() and not await old.is_master()

        for _ in range(FAILOVER_TRIES):
            await replica.command("CLUSTER FAILOVER")
            with suppress(AssertionError):
                await until(is_over, "the replica is the master", GIVEN_UP_SECONDS)
                break
        else:
            raise AssertionError(f"{replica.folder} was not made the master")
        await _until_whole(self.nodes)

    async def begin_move(self, key: str) -> None:
        """Have a key's slot on its way to another master."""
        slot = key_slot(key.encode())
        old, new = await self.master_of(key), await self._other_master(key)
        await new.command("CLUSTER SETSLOT", slot, "IMPORTING", await old.command("CLUSTER MYID"))
        await old.command("CLUSTER SETSLOT", slot, "MIGRATING", await new.command("CLUSTER MYID"))

    async def end_move(self, key: str) -> None:
        """Move the keys of the slot, and the slot."""
        slot = key_slot(key.encode())
        old, new = await self.master_of(key), await self._other_master(key)
        names = await old.command("CLUSTER GETKEYSINSLOT", slot, 1000)
        to = ("127.0.0.1", new.port, "", 0, 5000, "AUTH", PASSWORD, "KEYS")
        await old.command("MIGRATE", *to, *names)
        for node in (new, old):
            name = await new.command("CLUSTER MYID")
            await node.command("CLUSTER SETSLOT", slot, "NODE", name)

    async def _other_master(self, key: str) -> RedisProcess:
        old = await self.master_of(key)
        return next(node for node in self.nodes[:3] if node is not old)

    async def replica_of(self, master: RedisProcess) -> RedisProcess:
        for node in self.nodes:
            if node.is_running and await node.info("master_port") == str(master.port):
                return node
        raise AssertionError(f"{master.folder} has no replica")


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    with temporary_folder() as folder:
        buses = [free_port() for _ in range(6)]
        nodes = [RedisProcess(folder / f"node{i}", _config(bus)) for i, bus in enumerate(buses)]
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        with ending(nodes):
            await asyncio.gather(*(node.start() for node in nodes))
            await _join(nodes, buses)
            await _until_whole(nodes)
            yield Cluster(f"redis+cluster://:{quote(PASSWORD, safe='')}@{hosts}", nodes)


def _config(bus_port: int) -> str:
    return (
        f"{SERVER_CONFIG}cluster-enabled yes\ncluster-port {bus_port}\n"
        f"cluster-node-timeout {NODE_TIMEOUT_MS}\ncluster-replica-validity-factor 0\n"
    )


async def _join(nodes: list[RedisProcess], buses: list[int]) -> None:
    masters, replicas = nodes[:3], nodes[3:]
    for epoch, (node, (first, last)) in enumerate(zip(masters, SLOT_RANGES, strict=True), 1):
        await node.command("CLUSTER SET-CONFIG-EPOCH", epoch)
        await node.command("CLUSTER ADDSLOTSRANGE", first, last)
    for node, bus in zip(nodes[1:], buses[1:], strict=True):
        await nodes[0].command("CLUSTER MEET", "127.0.0.1", node.port, bus)
    for master, replica in zip(masters, replicas, strict=True):
        name = str(await master.command("CLUSTER MYID"))
        await until(lambda n=name, r=replica: _knows(r, n), "the nodes have met")  # type: ignore[misc]
        await replica.command("CLUSTER REPLICATE", name)


async def _knows(node: RedisProcess, name: str) -> bool:
    return name in str(await node.command("CLUSTER NODES"))


async def _until_whole(nodes: list[RedisProcess]) -> None:
    """Every node sees every slot served, all know the same masters, and every replica has its
    master's data. Whoever is still taken for a master gets no votes."""

    async def is_whole() -> bool:
        states = [(await node.command("CLUSTER INFO"))["cluster_state"] for node in nodes]
        links = [await node.info("master_link_status") for node in nodes]
        roles = [await _roles(node) for node in nodes]
        is_served = states.count("ok") == roles.count(roles[0]) == len(nodes)
        return is_served and links.count("up") == len(nodes) // 2

    await until(is_whole, "the cluster is whole", FAILOVER_SECONDS)


async def _roles(node: RedisProcess) -> dict[str, tuple[str, str]]:
    """Return what a node knows of each: flags, and its master."""
    known: dict[str, dict[str, str]] = await node.command("CLUSTER NODES")
    return {
        each["node_id"]: (each["flags"].removeprefix("myself,"), each["master_id"])
        for each in known.values()
    }


async def _master_port(node: RedisProcess, slot: int) -> int | None:
    """What a node says; None = it says nothing."""
    if not node.is_running:
        return None
    try:
        ranges = await node.command("CLUSTER SLOTS")
    except (RedisError, OSError):
        return None
    return next(int(master[1]) for first, last, master, *_ in ranges if first <= slot <= last)
