"""The servers behind a cache alias: one, the master of a Sentinel service, or a cluster's.

Built from an entry of CACHES, as sioweb_project.redis_settings writes it. Below
redis_client; imports redis-py.
"""

from collections.abc import Iterable
from typing import Any

from redis.asyncio import Redis, SSLConnection
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from delivery.redis_cluster import Cluster
from delivery.redis_pools import Node, ReadyPool, Sentinels, WaitingMasterPool
from delivery.scripts import SOURCES

ROOMS_AT_ONCE = 50  # of a script, during which Redis does nothing else: some 2 ms
MAX_CONNECTIONS = 32  # Redis runs one script at a time: more would only wait there


class OneServer:
    rooms_at_once = ROOMS_AT_ONCE

    def __init__(self, client: Redis, wait_replicas: int, *, is_by_sentinel: bool) -> None:
        self.client = client
        self.wait_replicas = wait_replicas
        self._is_by_sentinel = is_by_sentinel

    async def ping(self) -> None:
        await self.client.ping()

    async def forget(self) -> None:
        """The idle connections of a master that is one no longer would fail one by one."""
        if self._is_by_sentinel:
            await self.client.connection_pool.disconnect(inuse_connections=False)

    async def aclose(self) -> None:
        await self.client.aclose()


class ClusterServers(Cluster):
    rooms_at_once = 1  # rooms of one slot are few

    def __init__(self, nodes: Iterable[Node], keywords: dict[str, Any], wait_replicas: int) -> None:
        super().__init__(nodes, lambda node: _node_client(node, keywords))
        self.wait_replicas = wait_replicas


Servers = OneServer | ClusterServers
"""Each `ping` raises RedisError or OSError when a server does not answer; behind `forget`, where
something failed, they are looked for anew before the next call."""


def build_servers(cache: Any, answer_seconds: float) -> Servers:
    """Return clients that connect when they are needed, and never retry.

    `cache` is an entry of CACHES. Connecting, and waiting for a free connection, may each
    take `answer_seconds`.
    """
    options = cache.get("OPTIONS", {})
    wait_replicas = options.get("WAIT_REPLICAS", 0)
    keywords = {
        **options.get("CONNECTION_POOL_KWARGS", {}),
        "max_connections": MAX_CONNECTIONS,
        "timeout": answer_seconds,
        "socket_connect_timeout": answer_seconds,
        # `runner` bounds every call. With a timeout here redis-py would use asyncio.wait_for,
        # which before Python 3.12 loses the cancel of a task that is just writing.
        "socket_timeout": None,
        "retry": Retry(NoBackoff(), retries=0),
        "protocol": 2,
        "redis_connect_func": load_scripts,
    }
    if "CLUSTER_NODES" in options:
        return ClusterServers(options["CLUSTER_NODES"], keywords, wait_replicas)
    if "SENTINELS" in options:
        return OneServer(_master_client(options, keywords), wait_replicas, is_by_sentinel=True)
    if "PASSWORD" in options:
        keywords["password"] = options["PASSWORD"]
    location = cache["LOCATION"]
    url = location if isinstance(location, str) else location[0]
    client = Redis.from_pool(ReadyPool.from_url(url, **keywords))
    return OneServer(client, wait_replicas, is_by_sentinel=False)


async def load_scripts(connection: Any) -> None:
    """Greet a server, and give it the scripts before anything else: one that has restarted has
    lost them, and in a pipeline that finds only some of them what follows would overtake."""
    await connection.on_connect()
    commands = [("SCRIPT LOAD", source) for source in SOURCES.values()]
    await connection.send_packed_command(connection.pack_commands(commands))
    for _ in commands:
        await connection.read_response()


def _master_client(options: dict[str, Any], keywords: dict[str, Any]) -> Redis:
    sentinel = Sentinels(  # type: ignore[no-untyped-call]
        options["SENTINELS"], sentinel_kwargs=options["SENTINEL_KWARGS"]
    )
    keywords = keywords.copy()
    pool = WaitingMasterPool(keywords.pop("service_name"), sentinel, **keywords)
    return Redis.from_pool(pool)


def _node_client(node: Node, keywords: dict[str, Any]) -> Redis:
    host, port = node
    keywords = keywords.copy()
    connection_class = SSLConnection if keywords.pop("ssl", False) else Connection
    pool = ReadyPool(connection_class=connection_class, host=host, port=port, **keywords)
    return Redis.from_pool(pool)
