"""Redis as users run it, in processes of the test's own: TLS, Sentinel, Cluster.

Each of `tls_server`, `sentinel` and `cluster` is a context manager that starts its servers,
gives a `Topology`, and ends them. Needs Debian's redis-server and redis-sentinel. Every
server appends to a file, so that one that is brought back has what it had.
"""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from tests.certificates import make_certificate
from tests.e2e.waiting import until
from tests.redis_cluster import cluster
from tests.redis_process import (
    FAILOVER_SECONDS,
    PASSWORD,
    SERVER_CONFIG,
    RedisProcess,
    ending,
    free_port,
    require_redis,
    temporary_folder,
)

__all__ = ["TOPOLOGIES", "Topology", "cluster", "require_redis", "sentinel", "tls_server"]

SENTINEL_PASSWORD = "s:ntinel"
SERVICE = "Main-1"
DOWN_MS = 500  # silence after which a server is taken for dead


class Topology(Protocol):
    """Servers, behind one URL as users write it."""

    url: str

    @property
    def servers(self) -> list[RedisProcess]:
        """All that keep data."""

    async def kill_master(self, key: str = "") -> None:
        """Kill, as `kill -9` does, the server that has a key."""

    async def kill_all(self) -> None:
        """Kill every server, and what watches them."""

    async def freeze_master(self, key: str = "") -> None:
        """Stop the server that has a key: it takes connections and says nothing."""

    async def bring_back(self) -> None:
        """Have all servers run again; returns when they answer."""

    async def fail_over(self, key: str = "") -> None:
        """Make another server the master, with nobody dead; returns when it is."""


@dataclass
class Tls:
    """One server, by TLS only, with a certificate of its own making and a password."""

    url: str
    server: RedisProcess

    @property
    def servers(self) -> list[RedisProcess]:
        return [self.server]

    async def kill_master(self, key: str = "") -> None:
        self.server.signal(signal.SIGKILL)

    async def kill_all(self) -> None:
        await self.kill_master()

    async def freeze_master(self, key: str = "") -> None:
        self.server.signal(signal.SIGSTOP)

    async def bring_back(self) -> None:
        await self.server.bring_back()

    async def fail_over(self, key: str = "") -> None:
        """There is no other."""


@asynccontextmanager
async def tls_server() -> AsyncIterator[Tls]:
    with temporary_folder() as folder:
        own = make_certificate(folder, "127.0.0.1")
        config = (
            f"{SERVER_CONFIG}port 0\ntls-auth-clients no\ntls-cert-file {own.file}\n"
            f"tls-key-file {own.key}\ntls-ca-cert-file {own.file}\n"
        )
        port = free_port()
        server = RedisProcess(
            folder / "server",
            f"{config}tls-port {port}\n",
            port=port,
            tls={"ssl": True, "ssl_ca_certs": str(own.file)},
        )
        url = f"rediss://:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/0?ssl_ca_certs={own.file}"
        with ending([server]):
            await server.start()
            yield Tls(url, server)


@dataclass
class Sentinels:
    """A master and two replicas, watched by three sentinels."""

    url: str
    servers: list[RedisProcess]
    sentinels: list[RedisProcess]

    async def master(self) -> RedisProcess:
        """The master by the word of the sentinels."""
        watching = next(sentinel for sentinel in self.sentinels if sentinel.is_running)
        _, port = await watching.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(server for server in self.servers if server.port == int(port))

    async def kill_master(self, key: str = "") -> None:
        (await self.master()).signal(signal.SIGKILL)

    async def kill_all(self) -> None:
        for server in [*self.servers, *self.sentinels]:
            server.signal(signal.SIGKILL)

    async def freeze_master(self, key: str = "") -> None:
        (await self.master()).signal(signal.SIGSTOP)

    async def bring_back(self) -> None:
        for server in [*self.servers, *self.sentinels]:
            await server.bring_back()

    async def fail_over(self, key: str = "") -> None:
        old = await self.master()
        await self.sentinels[0].command("SENTINEL", "FAILOVER", SERVICE)

        async def is_over() -> bool:
            return await self.master() is not old and not await old.is_master()

        await until(is_over, "another server is the master", FAILOVER_SECONDS)


@asynccontextmanager
async def sentinel() -> AsyncIterator[Sentinels]:
    with temporary_folder() as folder:
        master = RedisProcess(folder / "master", SERVER_CONFIG)
        follow = f"{SERVER_CONFIG}replicaof 127.0.0.1 {master.port}\n"
        replicas = [RedisProcess(folder / f"replica{i}", follow) for i in range(2)]
        watch = _sentinel_config(master.port)
        sentinels = [
            RedisProcess(folder / f"sentinel{i}", watch, ("--sentinel",), SENTINEL_PASSWORD)
            for i in range(3)
        ]
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in sentinels)
        url = (
            f"redis+sentinel://:{quote(PASSWORD, safe='')}@{hosts}/{SERVICE}/0"
            f"?sentinel_password={quote(SENTINEL_PASSWORD, safe='')}"
        )
        with ending([master, *replicas, *sentinels]):
            for server in [master, *replicas]:
                await server.start()
            await _until_followed(master, 2)
            for server in sentinels:
                await server.start()
            for server in sentinels:
                await _until_watched(server)
            yield Sentinels(url, [master, *replicas], sentinels)


def _sentinel_config(port: int) -> str:
    return (
        f"bind 127.0.0.1\nrequirepass {SENTINEL_PASSWORD}\n"
        f"sentinel monitor {SERVICE} 127.0.0.1 {port} 2\n"
        f"sentinel auth-pass {SERVICE} {PASSWORD}\n"
        f"sentinel sentinel-pass {SENTINEL_PASSWORD}\n"
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_MS}\n"
        f"sentinel failover-timeout {SERVICE} 3000\n"
        f"sentinel parallel-syncs {SERVICE} 2\n"
    )


async def _until_followed(master: RedisProcess, replicas: int) -> None:
    async def is_followed() -> bool:
        states = [await master.info(f"slave{i}") for i in range(replicas)]
        return all("online" in state for state in states)

    await until(is_followed, f"{master.folder} has {replicas} replicas")


async def _until_watched(sentinel: RedisProcess) -> None:
    async def is_watched() -> bool:
        reply = await sentinel.command("SENTINEL", "MASTER", SERVICE)
        state = (
            reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
        )
        counts = [int(state["num-other-sentinels"]), int(state["num-slaves"])]
        return counts == [2, 2]

    await until(is_watched, f"{sentinel.folder} knows the others", FAILOVER_SECONDS)


TOPOLOGIES: dict[str, Callable[[], AbstractAsyncContextManager[Topology]]] = {
    "tls": tls_server,
    "sentinel": sentinel,
    "cluster": cluster,
}
