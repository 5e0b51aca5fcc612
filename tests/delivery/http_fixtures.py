"""The HTTP edge under test: Django's real handler, with the steps behind it replaced.

`edge` sends raw ASGI requests, because Django's test client forbids what a real
server does: to read a body past its announced end.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from delivery.addresses import Addresses
from delivery.counters import Counters
from delivery.failed_keys import FailedKeys
from delivery.handler import DirectHandler
from delivery.health import Health
from delivery.payloads import SendRequest
from delivery.send_limits import Rates, SendLimits
from delivery.sendings import Outcome
from delivery.tasks import Tasks
from sites import registry as site_registry
from sites.keys import digest_key
from sites.registry import Registry
from sites.snapshots import KeySnapshot, SiteSnapshot
from tests.delivery.metrics_fixtures import make_metrics

API_KEY = "54321"
CREDENTIALS = f"site=newsite&apiKey={API_KEY}"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
TIMEOUT_SECONDS = 20
FAILED_KEYS = 3  # from an address, at once


def make_site(name: str = "newsite", **fields: Any) -> SiteSnapshot:
    keys = (KeySnapshot(1, digest_key(API_KEY)),)
    url = "http://newsite.com/socketrooms"
    return SiteSnapshot(name, url, user_room_prefix="user_", keys=keys, **fields)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and message of an answer that has the one shape of all errors."""
        content = self.json()
        assert content.keys() == {"ok", "error"}
        assert content["ok"] is False
        assert content["error"].keys() == {"code", "message"}
        return self.status, content["error"]["code"], content["error"]["message"]


def sent_args(request: SendRequest) -> list[object]:
    args: list[object] = orjson.loads(request.text)[1:]
    return args


@dataclass(frozen=True)
class Published:
    site: SiteSnapshot
    request: SendRequest
    resync: bool
    idempotency_key: str


@dataclass
class FakePublisher:
    published: list[Published] = field(default_factory=list)
    failure: Exception | None = None

    async def publish(
        self,
        site: SiteSnapshot,
        request: SendRequest,
        resync: bool,
        idempotency_key: str = "",
        *,
        is_cut: bool = True,
    ) -> Outcome:
        [outcome] = await self.publish_all(site, [request], resync, idempotency_key)
        return outcome

    async def publish_all(
        self,
        site: SiteSnapshot,
        requests: Sequence[SendRequest],
        resync: bool,
        idempotency_key: str = "",
        *,
        is_cut: bool = True,
    ) -> list[Outcome]:
        if self.failure is not None:
            raise self.failure
        for each in requests:
            is_resync = resync if each.resync is None else each.resync
            self.published.append(Published(site, each, is_resync, idempotency_key))
        return [self._outcome(site, each) for each in requests]

    def _outcome(self, site: SiteSnapshot, request: SendRequest) -> Outcome:
        queued = sum(site.is_user_room(room) for room in request.rooms)
        return Outcome("7530791394961522691", queued, len(request.rooms) - queued)


@dataclass
class Edge:
    publisher: FakePublisher
    queues: Any = None
    backplane: Any = None
    presence: Any = None
    send_limits: Any = None
    counters: Counters = field(default_factory=Counters)
    now: float = 1_000_000.0  # of the clock that limits go by
    peer: str = "127.0.0.1"
    receipts: Any = None
    handler: DirectHandler = field(default_factory=DirectHandler)

    @property
    def last(self) -> Published:
        return self.publisher.published[-1]

    async def send(
        self,
        body: bytes | object = b"",
        *,
        content_type: str | None = JSON,
        query: str = CREDENTIALS,
        path: str = "/send",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST to `/send`; a body that is not bytes is sent as JSON."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        lines = {"Content-Length": str(len(raw)), **(headers or {})}
        if content_type is not None:
            lines["Content-Type"] = content_type
        return await self.exchange(method, path, query, lines, raw)

    async def get(self, path: str) -> Answer:
        return await self.exchange("GET", path, "", {}, b"")

    async def exchange(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode("latin-1"),
            "client": (self.peer, 4711),
            "headers": [
                (name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()
            ],
        }
        incoming = asyncio.Queue[dict[str, Any]]()
        incoming.put_nowait({"type": "http.request", "body": body})
        outgoing: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            outgoing.append(message)

        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self.handler(scope, incoming.get, send)
        start, *parts = outgoing
        lines = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], lines, b"".join(part["body"] for part in parts))


def make_edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    """The sites `newsite` and `prefixed`, both with the key 54321, and no one behind `/send`."""
    sites = [make_site(), make_site("prefixed", prefixed_system_events=True)]
    monkeypatch.setattr(site_registry, "read_sites", lambda: {site.name: site for site in sites})
    registry = Registry()
    registry.load()
    edge = Edge(FakePublisher())
    parts = SimpleNamespace(registry=registry, publisher=edge.publisher)
    counters = edge.counters
    parts.failed_keys = FailedKeys(FAILED_KEYS, 1, registry, counters, lambda: edge.now)
    parts.send_limits = edge.send_limits = SendLimits(Rates(), counters)
    parts.addresses = Addresses(["10.0.0.0/8"])
    parts.queues = SimpleNamespace(ping=lambda: edge.queues.ping())
    parts.backplane = SimpleNamespace(
        ping=lambda: edge.backplane.ping(),
        announce_disconnects=lambda *args: edge.backplane.announce_disconnects(*args),
    )
    parts.health = Health(parts.queues, parts.backplane, Tasks())
    parts.presence = SimpleNamespace(find=lambda *args: edge.presence.find(*args))
    for module in ("views", "client_views", "metrics_page"):
        monkeypatch.setattr(f"delivery.{module}.service", lambda: parts)
    parts.receipts = SimpleNamespace(find=lambda *asked: edge.receipts.find(*asked))
    parts.counters, parts.metrics = edge.counters, make_metrics(edge.counters)
    return edge


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    return make_edge(monkeypatch)
