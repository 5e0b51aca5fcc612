"""Connect and disconnect: from a client's token to a socket in its rooms, and out again.

`server` calls `admit` for a CONNECT packet, `welcome` once the client has its
answer, and `dismiss` when it is gone. The namespace `/newsite` is the site
`newsite`, for all sites, also those added while the service runs.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from delivery.acks import Acks
from delivery.connection_limits import ConnectionLimits
from delivery.connections import Connection
from delivery.counters import ALL_SITES, Counters, Refusal, SiteCounts
from delivery.exceptions import (
    AuthRefused,
    AuthUnavailable,
    AuthUrlDenied,
    DeliveryError,
    OriginRefused,
    TooFast,
    TooManyClients,
)
from delivery.frames import EngineSocket
from delivery.handshake import Credentials, read_credentials
from delivery.origins import Origins, allows
from delivery.places import Places
from delivery.reauth import Reauth
from delivery.site_auth import AUTHENTICATION_FAILED, SiteAuth
from delivery.switchboard import Switchboard
from delivery.traced_connection import TracedConnection
from delivery.user_updates import UserUpdates
from sites.registry import Registry
from sites.snapshots import SiteSnapshot

logger = logging.getLogger(__name__)


class Namespaces:
    """The clients' way in and out."""

    def __init__(
        self,
        registry: Registry,
        site_auth: SiteAuth,
        switchboard: Switchboard,
        acks: Acks,
        reauth: Reauth,
        updates: UserUpdates,
        *,
        connect_timeout_seconds: float,
        client_ttl_seconds: int,
        limits: ConnectionLimits | None = None,
        is_traced: bool = False,
    ) -> None:
        self.limits = limits or ConnectionLimits()
        self._places = Places(self.limits, switchboard, connect_timeout_seconds)
        self._registry = registry
        self.origins = Origins(registry)
        self._site_auth = site_auth
        self._switchboard = switchboard
        self._acks = acks
        self._reauth = reauth
        self._updates = updates
        self._connect_timeout_seconds = connect_timeout_seconds
        self._client_ttl_seconds = client_ttl_seconds
        self._connection_class = TracedConnection if is_traced else Connection

    async def admit(
        self,
        namespace: str,
        sid: str,
        query_string: str,
        auth: object,
        *,
        origin: str = "",
        find_socket: Callable[[], EngineSocket | None],
        close_transport: Callable[[str], None],
    ) -> None:
        """1. Find the site, and see that it wants this page. 2. Ask it who this is. 3. Join the
        rooms, so that whatever is sent once the client knows that it is connected reaches it.

        Raises AuthRefused with the text for the client; another DeliveryError when it
        should try again.
        """
        with self._counting_refusals(namespace):
            self._check_origin(self._find_site(namespace), origin)
            await self._places.wait_for(self._find_site(namespace))
            credentials, rooms = await self.identify(namespace, query_string, auth)
            site = self._find_site(namespace)  # may mean something else by now
            self._places.check(site, rooms)
            connection = self._connection_class(
                sid=sid,
                site=site,
                device_id=credentials.device_id,
                rooms=rooms,
                find_socket=find_socket,
                close_transport=close_transport,
                submit_acks=self._acks.submit,
                counts=self._switchboard.counters.of(site.name),
                journal=self._switchboard.journal,
            )
            await self._switchboard.join(connection)
            self._find_site(namespace)  # disabled or deleted meanwhile
            self._reauth.watch(connection, credentials.token)

    async def identify(
        self, namespace: str, query_string: str, auth: object, timeout_seconds: float | None = None
    ) -> tuple[Credentials, tuple[str, ...]]:
        """Find the site and ask it who this is: all that depends on what it brings.

        Returns what the client brought, and its rooms. Raises as `admit` does.
        """
        site = self._find_site(namespace)
        credentials = read_credentials(query_string, auth)
        if not credentials.token:
            raise AuthRefused(AUTHENTICATION_FAILED)
        rooms = await self._site_auth.fetch_rooms(
            site, credentials.token, timeout_seconds or self._connect_timeout_seconds
        )
        return credentials, rooms

    @property
    def counters(self) -> Counters:
        return self._switchboard.counters

    def counts_of(self, namespace: str) -> SiteCounts:
        """Return the counts of its site, or those of none where there is no such site."""
        site = self._registry.get(namespace.removeprefix("/"))
        return self._switchboard.counters.of(ALL_SITES if site is None else site.name)

    def welcome(self, sid: str) -> None:
        """The client has been told that it is connected: now its messages may come."""
        connection = self._switchboard.find(sid)
        if connection is None:
            return
        fields = {
            "site": connection.site.name,
            "device": connection.device_id,
            "rooms": len(connection.rooms),
        }
        logger.info("%(site)s: connected, %(rooms)d rooms", fields)
        if connection.site.prefixed_system_events:
            connection.send_settings({"device_ttl": self._client_ttl_seconds})
        self._switchboard.go_live(connection)
        self._updates.note_coming(connection)

    def acknowledge(self, sid: str, ack_id: int) -> bool:
        """Take an ack; False when it belongs to nothing that was sent and not acked yet."""
        connection = self._switchboard.find(sid)
        return connection is not None and connection.acknowledge(ack_id)

    async def dismiss(self, sid: str) -> None:
        """The socket is gone, or never got through."""
        self._reauth.forget(sid)
        connection = self._switchboard.find(sid)
        if connection is not None:
            await self._switchboard.leave(connection)
            self._updates.note_going(connection, connection.rooms)

    def outdated(self, names: frozenset[str]) -> list[tuple[str, str, bool]]:
        """Return `[(sid, namespace, is_gone), ...]` of clients whose site has changed so that
        they must go: for good when the site is gone, to come back when its rooms or events
        mean something else now."""
        outdated = []
        for connection in self._switchboard:
            if connection.site.name not in names:
                continue
            site = self._registry.get(connection.site.name)
            if site is None or _means_otherwise(connection.site, site):
                outdated.append((connection.sid, connection.namespace, site is None))
            else:
                connection.site = site
        return outdated

    @contextmanager
    def _counting_refusals(self, namespace: str) -> Iterator[None]:
        try:
            yield
        except DeliveryError as error:
            self._count_refusal(namespace, error)
            raise

    def _count_refusal(self, namespace: str, error: DeliveryError) -> None:
        site = self._registry.get(namespace.removeprefix("/"))
        if site is None:
            self._switchboard.counters.of(ALL_SITES).refused["unknown_site"] += 1
            return
        counts, refusal = self._switchboard.counters.of(site.name), _refusal(error)
        counts.refused[refusal] += 1
        if refusal in ("bad_answer", "unreachable"):
            counts.fail_auth(str(error))

    def _check_origin(self, site: SiteSnapshot, origin: str) -> None:
        if origin and not allows(site.allowed_origins, origin):
            raise OriginRefused("Origin not allowed", 403)

    def _find_site(self, namespace: str) -> SiteSnapshot:
        site = self._registry.get(namespace.removeprefix("/"))
        if site is None:
            raise AuthRefused("Invalid namespace")
        return site


def _refusal(error: DeliveryError) -> Refusal:
    match error:
        case OriginRefused():
            return "origin"
        case TooManyClients():
            return "too_many"
        case TooFast():
            return "too_fast"
        case AuthRefused(code=401 | 403):
            return "denied"
        case AuthUrlDenied() | AuthRefused(code=int()):
            return "bad_answer"
        case AuthRefused():
            return "no_token"
        case AuthUnavailable():
            return "unreachable"
    return "unavailable"


def _means_otherwise(old: SiteSnapshot, new: SiteSnapshot) -> bool:
    """Whether user rooms or system events of a connected client are no longer what they were."""
    return (old.user_room_prefix, old.prefixed_system_events) != (
        new.user_room_prefix,
        new.prefixed_system_events,
    )
