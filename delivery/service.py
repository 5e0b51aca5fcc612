"""What one process runs: all the parts of delivery, put together once per event loop.

The last piece below `views` and `serve`; knows the parts, and nothing of what
they do.
"""

import asyncio
import logging
from dataclasses import dataclass, fields
from weakref import WeakKeyDictionary

from django.conf import settings

from delivery.acks import Acks
from delivery.addresses import Addresses
from delivery.backplane import Announcement, Backplane
from delivery.connection_limits import ConnectionLimits
from delivery.counters import Counters
from delivery.failed_keys import FailedKeys
from delivery.generator import Generator
from delivery.health import Health
from delivery.ids import FlakeIds
from delivery.inspection import Inspection
from delivery.journal import Journal
from delivery.leases import Leases
from delivery.live import Live
from delivery.metrics import Metrics
from delivery.metrics_port import MetricsPort
from delivery.namespace import Namespaces
from delivery.presence import Presence
from delivery.publish import Publisher
from delivery.queues import Queues
from delivery.reauth import Reauth
from delivery.receipts import Receipts
from delivery.redis_client import round_trips
from delivery.reports import Reports
from delivery.send_limits import Rates, SendLimits
from delivery.server import Server
from delivery.site_auth import SiteAuth
from delivery.site_updates import SiteUpdates
from delivery.statistics import Statistics
from delivery.storing import Storing
from delivery.switchboard import Switchboard
from delivery.tasks import Tasks
from delivery.update_schedule import UpdateSchedule
from delivery.user_updates import UserUpdates
from sites.networks import read_deny_list
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
    reauth: Reauth
    updates: UserUpdates
    clients: Namespaces
    server: Server
    inspection: Inspection
    presence: Presence
    statistics: Statistics
    counters: Counters
    reports: Reports
    receipts: Receipts
    live: Live
    addresses: Addresses
    failed_keys: FailedKeys
    send_limits: SendLimits
    metrics: Metrics
    metrics_port: MetricsPort
    health: Health
    tasks: Tasks

    async def start(self) -> None:
        """Raises BackplaneUnavailable, RedisUnavailable."""
        await self.backplane.start()
        self.backplane.listen(self._hear)
        await self.generator.hold()
        self.backplane.on_reconnect(self.switchboard.note_break)
        self.backplane.on_reconnect(self.leases.renew_now)
        self.registry.add_listener(self.server.drop_outdated)
        self.registry.add_listener(self.reauth.forget_sites)
        self.reauth.on_refusal(self.server.disconnect)
        loops = (
            self.registry.run,
            self.acks.run,
            self.leases.run,
            self.generator.run,
            self.reauth.run,
            self.updates.run,
            self.reports.run,
            self.receipts.run,
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
        await self.reauth.stop()
        await self.server.stop()
        await self.tasks.cancel()
        await self.updates.stop()
        await self.reports.end()
        await self.receipts.end()
        await self.registry.flush()
        self.site_auth.close()
        await self.backplane.close()
        await self.switchboard.end()
        await self.queues.close()

    def _hear(self, announcement: Announcement) -> None:
        try:
            self.switchboard.hear(announcement)
        except Exception:
            # What it told of a user room is found with the next renewal.
            logger.exception("Announcement not understood: %s", announcement.get("type"))


_services: WeakKeyDictionary[asyncio.AbstractEventLoop, Service] = WeakKeyDictionary()


def service() -> Service:
    """Return the service of the running event loop, whose connections belong to that loop."""
    loop = asyncio.get_running_loop()
    found = _services.get(loop)
    if found is None:
        found = _services[loop] = build_service()
    return found


def is_served() -> bool:
    """Whether the running event loop has a service, and not only a page's question to Redis."""
    return asyncio.get_running_loop() in _services


def build_service() -> Service:
    """Put the parts together as the configuration says."""
    config = settings.CONFIG
    is_traced = config.log.deliveries
    backplane, tasks = Backplane(), Tasks()
    # What replicas must have first is announced behind that.
    queues = Queues(channels="" if config.redis.wait_replicas else backplane.channels)
    counters, statistics, deny_list = Counters(), Statistics(), read_deny_list(config.auth_url_deny)
    site_auth, site_updates = SiteAuth(deny_list, counters), SiteUpdates(deny_list)
    journal = Journal(config.receipts.max_messages if config.receipts.enabled else 0)
    ids = FlakeIds(
        generator_id=config.flake_ids.generator_id,
        epoch_ms=config.flake_ids.epoch_ms,
        sequence_mask=config.flake_ids.sequence_mask,
    )
    switchboard = Switchboard(queues, backplane, counters, journal, is_traced=is_traced)
    storing = Storing(queues, backplane, switchboard, counters, is_traced=is_traced)
    acks, presence = Acks(queues, backplane, switchboard), Presence()
    addresses = Addresses(config.trusted_proxies)
    updates = UserUpdates(registry, UpdateSchedule(), presence, site_updates)
    reauth = Reauth(site_auth, switchboard, updates)
    clients = Namespaces(
        registry,
        site_auth,
        switchboard,
        acks,
        reauth,
        updates,
        connect_timeout_seconds=config.io.connect_timeout_seconds,
        client_ttl_seconds=config.client_ttl_seconds,
        limits=_connection_limits(),
        is_traced=is_traced,
    )
    server = _build_server(clients, addresses)
    metrics = Metrics(counters, backplane, round_trips, lambda: len(server.transports()))
    return Service(
        registry=registry,
        queues=queues,
        backplane=backplane,
        publisher=Publisher(queues, storing, backplane, ids, counters, journal),
        switchboard=switchboard,
        acks=acks,
        leases=Leases(queues, switchboard),
        generator=Generator(queues, ids),
        site_auth=site_auth,
        reauth=reauth,
        updates=updates,
        clients=clients,
        server=server,
        inspection=Inspection(),
        presence=presence,
        statistics=statistics,
        reports=Reports(counters, statistics),
        counters=counters,
        metrics=metrics,
        metrics_port=MetricsPort(
            metrics, config.metrics.host, config.metrics.port, config.metrics.token
        ),
        receipts=Receipts(journal),
        live=Live(statistics),
        addresses=addresses,
        failed_keys=FailedKeys(
            config.limits.failed_keys, config.limits.failed_keys_per_second, registry, counters
        ),
        send_limits=SendLimits(_send_rates(), counters),
        health=Health(queues, backplane, tasks),
        tasks=tasks,
    )


def _send_rates() -> Rates:
    limits = settings.CONFIG.limits
    return Rates(limits.sends_per_second, limits.key_sends_per_second, limits.sends_at_once)


def _connection_limits() -> ConnectionLimits:
    limits = settings.CONFIG.limits
    names = (each.name for each in fields(ConnectionLimits))
    return ConnectionLimits(**{name: getattr(limits, name) for name in names})


def _build_server(clients: Namespaces, addresses: Addresses) -> Server:
    io = settings.CONFIG.io
    origins = io.cors_allowed_origins
    return Server(
        clients,
        connect_timeout_seconds=io.connect_timeout_seconds,
        addresses=addresses,
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
