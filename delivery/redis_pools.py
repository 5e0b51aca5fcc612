"""Connections that find their server: the master of a Sentinel service, a live node of a cluster.

Each new connection looks anew, so that after a failover only broken ones need be thrown
away. Below redis_client and the Channels layer; imports channels-redis and redis-py.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from channels_redis.utils import create_pool
from redis import ConnectionError as RedisConnectionError
from redis import RedisError
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import Connection
from redis.asyncio.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.driver_info import DriverInfo

from delivery.replies import Replies
from delivery.tasks import Tasks

# A node or sentinel that hangs must leave time for the next: an answer has two seconds.
NODE_SECONDS = 0.5
# What ReadyPool reaches for inside redis-py; without it connections go back the long way.
CAN_RELEASE_AT_ONCE = all(
    hasattr(BlockingConnectionPool(), name)
    for name in ("_available_connections", "_in_use_connections")
)

# One for all: redis-py would read its own version from its files for each connection.
DRIVER = DriverInfo()

Node = tuple[str, int]
"""A host and its port."""


class ReadyPool(BlockingConnectionPool):
    """A BlockingConnectionPool that gives and takes connections at once while nobody waits for
    one: its conditions, timeouts and measures cost more than a script's round trip."""

    _waiting = 0  # for a connection

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, driver_info=DRIVER, **keywords)
        self._releases = Tasks()

    def take_open(self) -> tuple[Any, Replies] | None:
        """Return a connection that is open and at rest, to be given to `put_back`, and its replies;
        None = there is none, or none that is known to be."""
        if self._waiting or not CAN_RELEASE_AT_ONCE or not self._available_connections:
            return None
        connection: Any = self._available_connections[-1]
        replies = Replies.of(connection)
        if replies is None or not replies.is_at_rest or connection.should_reconnect():
            return None
        self._in_use_connections.add(self._available_connections.pop())
        return connection, replies

    def put_back(self, connection: Any) -> None:
        if self._waiting:  # and has to be told, which takes a task
            self._releases.start(self.release(connection))
        else:
            self._in_use_connections.remove(connection)
            self._available_connections.append(connection)

    async def get_connection(self, *_: Any, **__: Any) -> Any:
        if self._waiting or not self.can_get_connection():
            return await self._wait_for_connection()
        connection = self.get_available_connection()  # type: ignore[no-untyped-call]
        try:
            await self.ensure_connection(connection)
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: Any) -> None:
        if self._waiting or connection.should_reconnect() or not CAN_RELEASE_AT_ONCE:
            await super().release(connection)
        else:
            self.put_back(connection)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """As redis-py's, but for what is asked: a server that hangs would keep it waiting."""
        if inuse_connections and CAN_RELEASE_AT_ONCE:
            for connection in list(self._in_use_connections):
                replies = Replies.of(connection)
                if replies is not None:
                    replies.give_up()
        await super().disconnect(inuse_connections)

    async def _wait_for_connection(self) -> Any:
        self._waiting += 1
        try:
            return await super().get_connection()  # type: ignore[no-untyped-call]
        finally:
            self._waiting -= 1


class Sentinels(Sentinel):
    """Say in a line that they do not help; redis-py prints all it knows of each connection."""

    async def discover_master(self, service_name: str) -> Any:
        try:
            return await super().discover_master(service_name)
        except MasterNotFoundError as error:
            whom = ", ".join(map(_address, self.sentinels))
            message = f"No sentinel of {whom} names a master {service_name!r}"
            raise MasterNotFoundError(message) from error


class MasterPool(SentinelConnectionPool):
    """Closes the connections to the sentinels with its own."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


class WaitingMasterPool(BlockingConnectionPool, MasterPool):
    """A MasterPool that waits for a free connection where it would raise."""

    def __init__(self, service_name: str, sentinel_manager: Sentinels, **keywords: Any) -> None:
        managed = SentinelManagedSSLConnection if keywords.pop("ssl", False) else None
        super().__init__(
            service_name=service_name,
            sentinel_manager=sentinel_manager,
            connection_class=managed or SentinelManagedConnection,
            **keywords,
        )


class NodeConnection(Connection):
    """A connection to whichever of some nodes answers; each attempt begins with the next."""

    def __init__(self, *, nodes: Sequence[Node], **keywords: Any) -> None:
        super().__init__(**keywords)
        self._nodes = deque(nodes)

    async def connect(self) -> None:
        if self.is_connected:
            return
        failure: Exception = RedisConnectionError("no nodes")
        for _ in range(len(self._nodes)):
            self.host, self.port = self._nodes[0]
            self._nodes.rotate(-1)  # also when this attempt is cancelled
            try:
                async with asyncio.timeout(NODE_SECONDS):
                    await super().connect()  # type: ignore[no-untyped-call]
            except (RedisError, OSError) as error:  # a TimeoutError is an OSError
                await self.disconnect(nowait=True)
                failure = error
            else:
                return
        raise RedisConnectionError(f"No node answers, the last one: {failure}") from failure


class SSLNodeConnection(NodeConnection, SSLConnection):
    pass


def node_pool(nodes: Sequence[Node], **keywords: Any) -> ConnectionPool:
    """Connect to whichever node answers: pub/sub on one of a cluster reaches all."""
    connection_class = SSLNodeConnection if keywords.pop("ssl", False) else NodeConnection
    return ConnectionPool(connection_class=connection_class, nodes=nodes, **keywords)


def layer_pool(host: dict[str, Any]) -> ConnectionPool:
    """Return the pool of an entry of the Channels layer's `hosts`.

    As channels-redis does; but it knows no clusters, and leaves sentinels connected.
    """
    host = host.copy()
    if "cluster_nodes" in host:
        return node_pool(host.pop("cluster_nodes"), **host)
    if "master_name" in host:
        sentinels, keywords = host.pop("sentinels"), host.pop("sentinel_kwargs", None)
        sentinel = Sentinels(sentinels, sentinel_kwargs=keywords)  # type: ignore[no-untyped-call]
        return MasterPool(host.pop("master_name"), sentinel, **host)  # type: ignore[no-untyped-call]
    if "address" in host:
        return ReadyPool.from_url(host.pop("address"), **host)
    pool: ConnectionPool = create_pool(host)
    return pool


def _address(sentinel: Redis) -> str:
    """Return `host:port`."""
    where = sentinel.connection_pool.connection_kwargs
    return f"{where['host']}:{where['port']}"
