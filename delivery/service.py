"""What one process runs: all the parts of delivery, put together once per event loop.

The last piece below `views` and `serve`; knows the parts, and nothing of what
they do.
"""

import asyncio
import logging
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from django.conf import settings

from delivery.acks import Acks
from delivery.backplane import Announcement, Backplane
from delivery.counters import Counters
from delivery.generator import Generator
from delivery.ids import FlakeIds
from delivery.inspection import Inspection
from delivery.leases import Leases
from delivery.live import Live
from delivery.metrics import Metrics
from delivery.metrics_port import MetricsPort
from delivery.namespace import Namespaces
from delivery.publish import Publisher
from delivery.queues import Queues
from delivery.redis_client import round_trips
from delivery.reports import Reports
from delivery.server import Server
from delivery.site_auth import SiteAuth
from delivery.statistics import Statistics
from delivery.switchboard import Switchboard
from delivery.tasks import Tasks
from sites.registry import Registry, registry

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one process. `start` before the first client, `stop` after the last."""

    registry: Registry
    queues: Queues
    backplane: Backplane
    publisher: Publisher
    switchboard: Switchboard
    acks: Acks
    leases: Leases
    generator: Generator
    site_auth: SiteAuth
    clients: Namespaces
    server: Server
    inspection: Inspection
    statistics: Statistics
    counters: Counters
    reports: Reports
    live: Live
    metrics: Metrics
    metrics_port: MetricsPort
    tasks: Tasks

    async def start(self) -> None:
        """Raises BackplaneUnavailable, RedisUnavailable."""
        await self.backplane.start()
        await self.generator.hold()
        self.backplane.on_reconnect(self.leases.renew_now)
        self.registry.add_listener(self.server.drop_outdated)
        loops = (
            self.registry.run,
            self._hear,
            self.acks.run,
            self.leases.run,
            self.generator.run,
            self.reports.run,
            self.live.run,
            self.metrics.watch_loop,
            self.metrics.watch_backplane,
        )
        for loop in loops:
            self.tasks.start(loop())

    async def stop(self) -> None:
        """Finish what was taken, then close all connections to others."""
        await self.publisher.drain()
        await self.acks.drain(timeout_seconds=5.0)
        await self.server.stop()
        await self.tasks.cancel()
        await self.reports.end()
        await self.registry.flush()
        await self.site_auth.close()
        await self.backplane.close()
        await self.queues.close()

    async def _hear(self) -> None:
        while True:
            announcement: Announcement = await self.backplane.receive()
            try:
                self.switchboard.hear(announcement)
            except Exception:
                # What it told of a user room is found with the next renewal.
                logger.exception("Announcement not understood: %s", announcement.get("type"))


_services: WeakKeyDictionary[asyncio.AbstractEventLoop, Service] = WeakKeyDictionary()


def service() -> Service:
    """Return the service of the running event loop, whose connections belong to that loop."""
    loop = asyncio.get_running_loop()
    if loop not in _services:
        _services[loop] = build_service()
    return _services[loop]


def is_served() -> bool:
    """Whether the running event loop has a service, and not only a page's question to Redis."""
    return asyncio.get_running_loop() in _services


def build_service() -> Service:
    """Put the parts together as the configuration says."""
    config = settings.CONFIG
    is_traced = config.log.deliveries
    queues, backplane = Queues(), Backplane()
    counters, statistics = Counters(), Statistics()
    site_auth = SiteAuth(counters)
    ids = FlakeIds(
        generator_id=config.flake_ids.generator_id,
        epoch_ms=config.flake_ids.epoch_ms,
        sequence_mask=config.flake_ids.sequence_mask,
    )
    switchboard = Switchboard(queues, backplane, counters, is_traced=is_traced)
    acks = Acks(queues, backplane, switchboard)
    clients = Namespaces(
        registry,
        site_auth,
        switchboard,
        acks,
        connect_timeout_seconds=config.io.connect_timeout_seconds,
        client_ttl_seconds=config.client_ttl_seconds,
        is_traced=is_traced,
    )
    server = _build_server(clients)
    metrics = Metrics(
        counters, backplane, lambda: round_trips("queues"), lambda: len(server.transports())
    )
    return Service(
        registry=registry,
        queues=queues,
        backplane=backplane,
        publisher=Publisher(queues, backplane, ids, counters, is_traced=is_traced),
        switchboard=switchboard,
        acks=acks,
        leases=Leases(queues, switchboard),
        generator=Generator(queues, ids),
        site_auth=site_auth,
        clients=clients,
        server=server,
        inspection=Inspection(),
        statistics=statistics,
        reports=Reports(counters, statistics),
        counters=counters,
        live=Live(statistics),
        metrics=metrics,
        metrics_port=MetricsPort(
            metrics, config.metrics.host, config.metrics.port, config.metrics.token
        ),
        tasks=Tasks(),
    )


def _build_server(clients: Namespaces) -> Server:
    io = settings.CONFIG.io
    origins = io.cors_allowed_origins
    return Server(
        clients,
        connect_timeout_seconds=io.connect_timeout_seconds,
        ping_interval=io.ping_interval_seconds,
        ping_timeout=io.ping_timeout_seconds,
        max_http_buffer_size=io.max_http_buffer_size,
        transports=list(io.transports),
        allow_upgrades=io.allow_upgrades,
        cookie=io.cookie,
        cors_allowed_origins=origins if isinstance(origins, str) else list(origins),
        cors_credentials=io.cors_credentials,
        http_compression=io.http_compression,
        compression_threshold=io.http_compression_threshold,
    )
