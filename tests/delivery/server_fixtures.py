"""The Socket.IO server of one process, real from the websocket down to Redis, and its sites."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import pytest_asyncio

from delivery.addresses import Addresses
from delivery.connection_limits import ConnectionLimits
from delivery.counters import Counters
from delivery.namespace import Namespaces
from delivery.presence import Presence
from delivery.reauth import Reauth
from delivery.server import Server
from delivery.site_auth import SiteAuth
from delivery.site_updates import SiteUpdates
from delivery.update_schedule import UpdateSchedule
from delivery.user_updates import UserUpdates
from sites import registry as site_registry
from sites.networks import DenyList
from sites.registry import Registry
from sites.snapshots import SiteSnapshot
from tests.delivery.fake_site import FakeSite
from tests.delivery.server_client import Client
from tests.delivery.socket_fixtures import Process

PATIENCE_SECONDS = 60.0  # a connectTimeout that no test lives to see
CLIENT_TTL_SECONDS = 100
NO_LIMITS = ConnectionLimits()
TRUSTED = ("10.0.0.0/8",)  # proxies


@dataclass
class Sites:
    """The sites as the database has them; each change is live at once."""

    registry: Registry = field(default_factory=Registry)
    known: dict[str, SiteSnapshot] = field(default_factory=dict)

    def put(self, *sites: SiteSnapshot) -> None:
        self.known = self.known | {site.name: site for site in sites}
        self.registry.load()

    def change(self, name: str, **fields: Any) -> None:
        self.put(replace(self.known[name], **fields))

    def remove(self, name: str) -> None:
        self.known = {each: site for each, site in self.known.items() if each != name}
        self.registry.load()


@dataclass
class Gateway:
    """The server and what stands around it."""

    server: Server
    process: Process
    clients: list[Client] = field(default_factory=list)

    async def open(self, query: str = "", headers: Mapping[str, str] | None = None) -> Client:
        """A transport that has joined nothing yet."""
        client = self.knock(query, headers)
        return await client.open()

    def knock(self, query: str = "", headers: Mapping[str, str] | None = None) -> Client:
        """A transport that may be refused."""
        client = Client(self.server, query, headers or {})
        self.clients.append(client)
        return client

    def let_deadline_pass(self, client: Client) -> None:
        """Let the transport's time to join something be over."""
        deadline = self.server._transports[client.sid].deadline
        if not deadline.cancelled():
            deadline._run()

    @property
    def leftovers(self) -> list[object]:
        """What is kept of clients, and must be nothing once they are gone."""
        server = self.server
        held = [server._transports, server.manager.rooms, server.environ, server._binary_packet]
        held += [
            server._entrance,
            server.manager._coming,
            server.manager._leaving,
            list(self.process.switchboard),
        ]
        return [each for each in held if each]

    async def stop(self) -> None:
        for client in self.clients:
            await client.hang_up()
        await self.server.stop()


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch, fake_site: FakeSite) -> Sites:
    """`newsite` and `othersite`, whose authUrl is the fake site."""
    sites = Sites()
    monkeypatch.setattr(site_registry, "read_sites", lambda: sites.known)
    sites.put(fake_site.snapshot(), fake_site.snapshot("othersite"))
    return sites


@pytest_asyncio.fixture
async def site_auth() -> AsyncIterator[SiteAuth]:
    site_auth = SiteAuth(DenyList(), Counters())
    yield site_auth
    site_auth.close()


MakeNamespaces = Callable[..., Namespaces]


@dataclass
class Seconds:
    """A monotonic clock that a test sets."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest_asyncio.fixture
async def updates(sites: Sites) -> AsyncIterator[UserUpdates]:
    updates = UserUpdates(sites.registry, UpdateSchedule(), Presence(), SiteUpdates(DenyList()))
    yield updates
    await updates.stop()


@pytest_asyncio.fixture
async def reauth(
    site_auth: SiteAuth, process: Process, updates: UserUpdates, seconds: Seconds
) -> AsyncIterator[Reauth]:
    reauth = Reauth(site_auth, process.switchboard, updates, seconds)
    yield reauth
    await reauth.stop()


@pytest.fixture
def make_namespaces(
    process: Process, sites: Sites, site_auth: SiteAuth, reauth: Reauth, updates: UserUpdates
) -> MakeNamespaces:
    def make(
        connect_timeout_seconds: float = PATIENCE_SECONDS, limits: ConnectionLimits = NO_LIMITS
    ) -> Namespaces:
        return Namespaces(
            sites.registry,
            site_auth,
            process.switchboard,
            process.acks,
            reauth,
            updates,
            connect_timeout_seconds=connect_timeout_seconds,
            client_ttl_seconds=CLIENT_TTL_SECONDS,
            limits=limits,
        )

    return make


MakeGateway = Callable[..., Gateway]


@pytest_asyncio.fixture
async def make_gateway(
    make_namespaces: MakeNamespaces, process: Process, sites: Sites
) -> AsyncIterator[MakeGateway]:
    """Builds a server; `auth_seconds` is the connectTimeout of authUrl alone."""
    gateways: list[Gateway] = []

    def make(
        *,
        connect_seconds: float = PATIENCE_SECONDS,
        auth_seconds: float = PATIENCE_SECONDS,
        limits: ConnectionLimits = NO_LIMITS,
        **io: Any,
    ) -> Gateway:
        namespaces = make_namespaces(auth_seconds, limits)
        io = {
            "cors_allowed_origins": "*",
            "cors_credentials": False,
        } | io  # as the configuration has it
        server = Server(
            namespaces,
            connect_timeout_seconds=connect_seconds,
            addresses=Addresses(TRUSTED),
            **io,
        )
        sites.registry.add_listener(server.drop_outdated)
        gateways.append(Gateway(server, process))
        return gateways[-1]

    yield make
    for gateway in gateways:
        await gateway.stop()


@pytest.fixture
def gateway(make_gateway: MakeGateway) -> Gateway:
    return make_gateway()


async def is_open(gateway: Gateway, client: Client) -> bool:
    """Whether the transport still serves: a namespace of no site gets its answer."""
    return "Invalid namespace" in await client.join("/nosuchsite")
