"""A Redis Cluster: which master has which slot, and a client for each.

redis-py's own RedisCluster is not used: its pipelines do not learn from a lost connection,
its pools raise where they should wait, and a failing master closes the connections to all.
Below redis_client; imports redis-py.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from redis import RedisError
from redis.asyncio import Redis
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import ClusterDownError, MovedError

from delivery.redis_pools import NODE_SECONDS, Node

Owners = list[Node | None]
"""The master of each slot; None = none has it."""


class Cluster:
    def __init__(self, nodes: Iterable[Node], make_client: Callable[[Node], Redis]) -> None:
        self._listed = tuple(nodes)
        self._make_client = make_client
        self._clients: dict[Node, Redis] = {}
        self._known: list[Node] = []  # whom to ask first for the map
        self._owners: Owners = []  # empty = to be asked for
        self._lock = asyncio.Lock()

    async def locate(self, keys: Iterable[str]) -> list[Redis]:
        """Return the client of each key's master. Raises RedisError."""
        owners = await self._learn()
        return [self._client(_owner(owners, key)) for key in keys]

    async def ping(self) -> None:
        """Raises RedisError or OSError when a master does not answer."""
        masters = {owner for owner in await self._learn() if owner is not None}
        await asyncio.gather(*(self._client(master).ping() for master in masters))

    async def forget(self) -> None:
        """Ask for the map again before the next call."""
        self._owners = []

    async def follow(self, moved: MovedError) -> None:
        """Ask the new owner itself for the map: others may not have heard of it yet."""
        self._known = [(moved.host, moved.port), *self._known]
        self._owners = []

    async def aclose(self) -> None:
        clients, self._clients = self._clients, {}
        self._owners = []
        await asyncio.gather(*(client.aclose() for client in clients.values()))

    async def _learn(self) -> Owners:
        async with self._lock:
            return self._owners or await self._ask_for_map()

    async def _ask_for_map(self) -> Owners:
        failure: Exception | None = None
        for node in dict.fromkeys([*self._known, *self._listed]):
            try:
                async with asyncio.timeout(NODE_SECONDS):
                    command: Any = self._client(node).execute_command
                    ranges = await command("CLUSTER SLOTS")
            except (RedisError, OSError) as error:  # a TimeoutError is an OSError
                failure = error
                # Last from now on: this time there may be no time left for the others.
                self._known = [*(known for known in self._known if known != node), node]
            else:
                return await self._take_map(ranges, node[0])
        raise ClusterDownError(f"No node of the cluster answers, the last one: {failure}")

    async def _take_map(self, ranges: list[list[Any]], asked: str) -> Owners:
        """`ranges` are [first slot, last slot, master, replica, ...], each [host, port, ...]."""
        owners: Owners = [None] * REDIS_CLUSTER_HASH_SLOTS
        known: dict[Node, None] = {}
        for first, last, *members in ranges:
            master, *replicas = [_node(member, asked) for member in members]
            owners[first : last + 1] = [master] * (last + 1 - first)
            known |= dict.fromkeys([master, *replicas])
        self._owners, self._known = owners, list(known)
        for node in self._clients.keys() - known.keys() - set(self._listed):
            await self._clients.pop(node).aclose()
        return owners

    def _client(self, node: Node) -> Redis:
        if node not in self._clients:
            self._clients[node] = self._make_client(node)
        return self._clients[node]


def _owner(owners: Owners, key: str) -> Node:
    slot = key_slot(key.encode())
    owner = owners[slot]
    if owner is None:
        raise ClusterDownError(f"No master has slot {slot}")
    return owner


def _node(member: list[Any], asked: str) -> Node:
    """A node that does not know its own host is where it was asked."""
    host, port, *_ = member
    return host.decode() if host else asked, port
