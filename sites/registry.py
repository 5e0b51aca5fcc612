"""All enabled sites in memory, for the way of a message, which never touches the database.

`registry` is this process's one. `run()` reads the tables every second, and at once
after a change made in this process, so that a change made anywhere is live in every
process within two seconds. Nothing here writes, except how keys were used.
"""

import asyncio
import contextlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from asgiref.sync import sync_to_async
from django.db import Error, transaction
from django.utils import timezone

from sites.keys import digest_key
from sites.live_connection import with_live_connection
from sites.snapshots import KeySnapshot, SiteSnapshot, read_sites
from sites.uses import Uses, write_uses

REFRESH_SECONDS = 1.0  # leaves a second for reading, of the two that are promised
NAMES_IN_LOG = 20
FLUSH_SECONDS = 60.0  # a busy key costs one write a minute

logger = logging.getLogger(__name__)

Listener = Callable[[frozenset[str]], None]

# Compared with when there is no site or no key, so that both take as long as a wrong key.
NO_KEYS = (KeySnapshot(0, secrets.token_bytes(32)),)


class Registry:
    def __init__(self) -> None:
        self._sites: dict[str, SiteSnapshot] = {}
        self.version = 0  # grows with each change
        self._listeners: list[Listener] = []
        self._uses = Uses()  # not yet written
        self._flush_due = 0.0  # by time.monotonic()
        self._is_database_gone = False
        self._loop: asyncio.AbstractEventLoop | None = None  # of run(), while it runs
        self._woken = asyncio.Event()

    def __iter__(self) -> Iterator[SiteSnapshot]:
        return iter(self._sites.values())

    def get(self, name: str) -> SiteSnapshot | None:
        """Return an enabled site."""
        return self._sites.get(name)

    def identify(self, name: str, api_key: str) -> tuple[SiteSnapshot | None, int]:
        """Return the site if the key is one of its own, in the same time whatever is wrong, and
        the key's number."""
        digest = digest_key(api_key)
        site = self._sites.get(name)
        known = site.keys if site is not None else ()
        matching = [key for key in known or NO_KEYS if hmac.compare_digest(key.digest, digest)]
        now = timezone.now()
        if site is None or not matching or matching[0].is_expired(now):
            return None, 0
        self._uses.note(matching[0].pk, now)
        return site, matching[0].pk

    def still_has(self, version: int, site: SiteSnapshot, pk: int) -> bool:
        """Whether a key that `identify` has found at this version is still usable; a use of it."""
        now = datetime.now(UTC)
        if version != self.version or any(
            key.pk == pk and key.is_expired(now) for key in site.keys
        ):
            return False
        self._uses.note(pk, now)
        return True

    def add_listener(self, listener: Listener) -> None:
        """Call `listener(names)` after each change, with every site added, changed or gone."""
        self._listeners.append(listener)

    def load(self) -> frozenset[str]:
        """Read the database; return the names of the sites added, changed or gone.

        Listeners are called here, in the caller's thread; `run()` calls them on its loop.
        """
        return self._replace(read_sites())

    async def run(self) -> None:
        """Keep the sites up to date until cancelled; a lost database leaves them as they are."""
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        try:
            while True:
                await self._refresh()
                await self._flush_when_due()
                await self._pause()
        finally:
            self._loop = None

    def wake(self) -> None:
        """Make `run()` read now rather than within a second; from any thread."""
        if (loop := self._loop) is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._woken.set)

    async def _refresh(self) -> None:
        try:
            sites = await sync_to_async(with_live_connection)(read_sites)
        except Error as error:
            self._note_outage(error)
        except Exception:
            logger.exception("The sites could not be read; they stay as they are")
        else:
            self._note_recovery()
            self._replace(sites)

    async def flush(self) -> None:
        """Write how keys were used; apart from reading, so that a read-only database serves."""
        uses = self._uses.take()
        if not uses:
            return
        try:
            await sync_to_async(with_live_connection)(write_uses, uses)
        except Error as error:
            self._uses.put_back(uses)
            logger.warning("Uses of %d keys not written, will retry: %s", len(uses), error)

    async def _flush_when_due(self) -> None:
        now = time.monotonic()
        if self._uses and now >= self._flush_due:
            self._flush_due = now + FLUSH_SECONDS
            await self.flush()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REFRESH_SECONDS):
                await self._woken.wait()
        # Before reading, not after: a change that comes while reading is not missed.
        self._woken.clear()

    def _replace(self, sites: dict[str, SiteSnapshot]) -> frozenset[str]:
        former, self._sites = self._sites, sites
        names = frozenset(
            name for name in former.keys() | sites.keys() if former.get(name) != sites.get(name)
        )
        if names:
            self.version += 1
            self._notify(names)
        return names

    def _notify(self, names: frozenset[str]) -> None:
        first = ", ".join(sorted(names)[:NAMES_IN_LOG])
        logger.info("Sites added, changed or gone (%d): %s", len(names), first)
        for listener in self._listeners:
            try:
                listener(names)
            except Exception:
                logger.exception("A listener failed on a change of sites")

    def _note_outage(self, error: Error) -> None:
        if not self._is_database_gone:
            logger.warning("Database out of reach, the sites stay as they are: %s", error)
        self._is_database_gone = True

    def _note_recovery(self) -> None:
        if self._is_database_gone:
            logger.info("Database answers again")
        self._is_database_gone = False


def wake_after_commit(using: str, **_: object) -> None:
    """Signal receiver: make a change of Site or ApiKey live at once in this process."""
    transaction.on_commit(registry.wake, using=using)


registry = Registry()  # the process's one
