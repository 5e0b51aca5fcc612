"""Calls of sites over HTTP, on connections that are kept for the next call.

For `site_auth`, `site_updates` and the project's doctor. No redirect is followed and no cookie
kept: one bearer's, or site's, is not another's. Above `site_connection` and `outgoing`.
"""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from yarl import URL

from delivery import names
from delivery.call_failures import in_words
from delivery.lookups import Lookup
from delivery.outgoing import AddressDenied, Place, open_connection
from delivery.patience import wait_until
from delivery.site_connection import Answer, CallFailed, NothingHeard, SiteConnection
from delivery.version import VERSION
from sites.networks import DenyList

KEPT_SECONDS = 15.0  # a connection without a call; servers keep theirs longer, as a rule
REMEMBERED_URLS = 1_000
USER_AGENT = f"sioweb/{VERSION}"


class CallDenied(CallFailed):
    """Its address is one that the service may not call."""


class Target(NamedTuple):
    place: Place
    host: str  # the header
    path: str  # with its query


class Pool:
    """The connections to one place."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lookup = Lookup(place.host, place.port)
        self._connections: set[SiteConnection] = set()
        self._idle: dict[SiteConnection, float] = {}  # since when; the longest come first
        self._is_closed = False
        self.calls = 0  # under way, those that still want a connection among them

    @property
    def is_unused(self) -> bool:
        return not (self._connections or self.calls)

    def take(self) -> SiteConnection | None:
        """Return the one that was used last: servers close the others first."""
        return self._idle.popitem()[0] if self._idle else None

    async def open(self, deny_list: DenyList) -> SiteConnection:
        """Raises OSError, UnicodeError."""
        found = await self._lookup.addresses()
        return await open_connection(self._place, found, deny_list, lambda: SiteConnection(self))

    def close(self) -> None:
        self._is_closed = True
        for connection in list(self._connections):
            connection.abort()

    def close_idle(self, before: float) -> None:
        """Those that have been idle since then, by the loop's time."""
        for connection, since in list(self._idle.items()):
            if since <= before:
                del self._idle[connection]
                connection.close()

    def note_open(self, connection: SiteConnection) -> None:
        self._connections.add(connection)
        if self._is_closed:
            connection.abort()

    def note_idle(self, connection: SiteConnection) -> None:
        self._idle[connection] = asyncio.get_running_loop().time()

    def note_closed(self, connection: SiteConnection) -> None:
        self._connections.discard(connection)
        self._idle.pop(connection, None)


class SiteClient:
    """Calls that take at most `seconds` each, connecting included."""

    def __init__(self, deny_list: DenyList, seconds: float) -> None:
        self.deny_list = deny_list
        self._seconds = seconds
        self._pools: dict[Place, Pool] = {}
        self._sweep: asyncio.TimerHandle | None = None

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Return the answer, with the body of a 200. Raises CallFailed."""
        return await self._call("GET", url, headers, None)

    async def put(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer, without its body. Raises CallFailed."""
        return await self._call("PUT", url, headers, body)

    def close(self) -> None:
        """Let go of all connections; a call that is under way fails, a later one opens anew."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    async def _call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        try:
            target = _target_of(url)
        except ValueError as error:
            raise CallFailed(f"The call failed: {error}") from error
        request = _request(method, target, headers, body)
        try:
            return await self._ask(target.place, request, reads_body=body is None)
        except AddressDenied as error:
            raise CallDenied(str(error)) from error
        except (OSError, UnicodeError) as error:
            raise CallFailed(in_words(error, target.place)) from error

    async def _ask(self, place: Place, request: bytes, *, reads_body: bool) -> Answer:
        pool = self._pool_of(place)
        pool.calls += 1
        try:
            return await self._ask_over(pool, request, reads_body)
        finally:
            pool.calls -= 1

    async def _ask_over(self, pool: Pool, request: bytes, reads_body: bool) -> Answer:
        due_at = asyncio.get_running_loop().time() + self._seconds
        kept = pool.take()
        if kept is not None:
            try:
                return await _wait(kept, kept.ask(request, reads_body=reads_body), due_at)
            except NothingHeard:  # it was closed as the call came: asking again harms nobody
                pass
        async with asyncio.timeout_at(due_at):
            new = await pool.open(self.deny_list)
            return await _wait(new, new.ask(request, reads_body=reads_body), due_at)

    def _pool_of(self, place: Place) -> Pool:
        pool = self._pools.get(place)
        if pool is None:
            pool = self._pools[place] = Pool(place)
            if self._sweep is None:
                self._sweep_later()
        return pool

    def _sweep_later(self) -> None:
        self._sweep = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._close_unused)

    def _close_unused(self) -> None:
        self._sweep = None
        before = asyncio.get_running_loop().time() - KEPT_SECONDS
        for place, pool in list(self._pools.items()):
            pool.close_idle(before)
            if pool.is_unused:
                del self._pools[place]
        if self._pools:
            self._sweep_later()


async def _wait(
    connection: SiteConnection, answer: "asyncio.Future[Answer]", due_at: float
) -> Answer:
    try:
        return await wait_until(answer, due_at)
    except BaseException:
        connection.give_up(answer)
        raise


@lru_cache(REMEMBERED_URLS)
def _target_of(url: str) -> Target:
    """Raises ValueError."""
    parts = URL(url)
    if parts.raw_host is None or parts.port is None:
        raise ValueError(url)
    place = Place(parts.raw_host, parts.port, parts.scheme == "https")
    return Target(place, parts.host_port_subcomponent or "", parts.raw_path_qs)


def _request(method: str, target: Target, headers: Mapping[str, str], body: bytes | None) -> bytes:
    lines = [
        f"{method} {target.path} HTTP/1.1",
        f"Host: {target.host}",
        f"User-Agent: {USER_AGENT}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode(errors=names.ERRORS) + (body or b"")
