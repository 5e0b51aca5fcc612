"""Tells sites with `updateUserUrl` when a user's first device comes and when the last goes.

`namespace` and `reauth` note whose rooms a client comes to or leaves; every process takes
users who are due from the `update_schedule` that they share, compares what the leases in
Redis say with what the site was told, and tells it the difference through `site_updates`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable

from delivery.connections import Connection
from delivery.exceptions import DeliveryError, UpdateFailed
from delivery.presence import Presence, UserPresence
from delivery.site_updates import SiteUpdates, Update
from delivery.tasks import Tasks
from delivery.update_schedule import FORGET, Settled, Taken, Told, UpdateSchedule, User
from sites.registry import Registry
from sites.snapshots import SiteSnapshot

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5
GRACE_MS = 3_000  # a page that is loaded anew is back by then
USERS_AT_ONCE = 200
CALLS_PER_SITE = 10  # at once, of each process
PAUSE_MS = 1_000  # for users whose site has as many
AFTER_LEASE_MS = 1_000  # a lease that was not renewed has ended by then
LONGEST_RETRY_MS = 300_000
MAX_TRIES = 16  # with waits of 2 s, 4 s and so on: more than half an hour
MAX_NOTES = 100_000  # in memory, while Redis is away


class UserUpdates:
    """This process's part of it."""

    def __init__(
        self,
        registry: Registry,
        schedule: UpdateSchedule,
        presence: Presence,
        site_updates: SiteUpdates,
    ) -> None:
        self._registry = registry
        self._schedule = schedule
        self._presence = presence
        self._site_updates = site_updates
        self._notes: dict[User, int] = {}  # ms until somebody has to look
        self._calls = Counter[str]()  # under way, by site
        self._tasks = Tasks()

    def note_coming(self, connection: Connection) -> None:
        self._note(connection.site, connection.rooms, 0)

    def note_going(self, connection: Connection, rooms: Iterable[str]) -> None:
        self._note(connection.site, rooms, GRACE_MS)

    async def run(self) -> None:
        """Look at users who are due, until cancelled; nothing is done while no site wants it."""
        while True:
            is_more_due = False
            try:
                is_more_due = await self.turn()
            except DeliveryError as error:
                logger.info("Users not looked at, trying again: %s", error)
            except Exception:
                logger.exception("Users not looked at, trying again")
            await asyncio.sleep(0 if is_more_due else TICK_SECONDS)

    async def stop(self) -> None:
        """Leave to the other processes, or the next start, what has been noted."""
        try:
            await self._hand_in_notes()
        except DeliveryError as error:
            logger.warning("%d users are looked at late: %s", len(self._notes), error)
        await self._tasks.finish(timeout_seconds=2.0)
        self._site_updates.close()

    async def turn(self) -> bool:
        """Look at some of those that are due; return whether there may be more."""
        await self._hand_in_notes()
        if not any(site.update_user_url for site in self._registry):
            return False
        taken = await self._schedule.take(USERS_AT_ONCE)
        if not taken.users:
            return False
        settled = []
        for user in await self._presence.find_all(list(taken.users)):
            done = self._decide(taken, user)
            settled += [done] if done else []
        await self._schedule.settle(taken, settled)
        return len(taken.users) == USERS_AT_ONCE

    def _note(self, site: SiteSnapshot, rooms: Iterable[str], wait_ms: int) -> None:
        if not site.update_user_url:
            return
        for room in rooms:
            if site.is_user_room(room) and len(self._notes) < MAX_NOTES:
                user = User(site.name, room)
                self._notes[user] = min(wait_ms, self._notes.get(user, wait_ms))

    async def _hand_in_notes(self) -> None:
        while self._notes:
            some = dict(list(self._notes.items())[:USERS_AT_ONCE])
            await self._schedule.note(some)
            for user, wait_ms in some.items():
                if self._notes.get(user) == wait_ms:
                    del self._notes[user]

    def _decide(self, taken: Taken, presence: UserPresence) -> Settled | None:
        """Return what becomes of a user with whom nothing is to be done now; else call."""
        user = User(presence.site, presence.room)
        told, site = taken.users[user], self._registry.get(user.site)
        if site is None:  # this process may not have read of it yet
            return _retry(user, told) if told.tries < MAX_TRIES else Settled(user, told, FORGET)
        if not site.update_user_url:
            return Settled(user, told, FORGET)
        grace_left_ms = presence.since_ms + GRACE_MS - taken.now_ms
        if not presence.is_online and told.is_online and grace_left_ms > 0:
            return Settled(user, told, grace_left_ms)
        if presence.is_online == told.is_online:
            return _know(user, presence, taken)
        if self._calls[site.name] >= CALLS_PER_SITE:
            return Settled(user, told, PAUSE_MS)
        self._calls[site.name] += 1
        self._tasks.start(self._tell(site, taken, presence))
        return None

    async def _tell(self, site: SiteSnapshot, taken: Taken, presence: UserPresence) -> None:
        """1. Call. 2. Give the user back, told or to be tried again. 3. Should Redis be away by
        then, the claim runs out and the site is told a second time."""
        user = User(site.name, presence.room)
        told = taken.users[user]
        # Who is offline and in no lease left has no other time than now.
        update = Update(user.room, presence.is_online, presence.since_ms or taken.now_ms)
        try:
            await self._site_updates.put(site, update)
            settled = _know(user, presence, taken)
        except UpdateFailed as error:
            is_final = error.is_definite or told.tries + 1 >= MAX_TRIES
            settled = _know(user, presence, taken) if is_final else _retry(user, told)
            end = "given up" if is_final else "trying again"
            logger.warning("updateUserUrl of %s, %s: %s", site.name, end, error)
        finally:
            self._calls[site.name] -= 1
        try:
            await self._schedule.settle(taken, [settled])
        except DeliveryError as error:
            logger.info("updateUserUrl of %s, perhaps called again: %s", site.name, error)


def _know(user: User, presence: UserPresence, taken: Taken) -> Settled:
    """The site knows: look at the user again when the lease may have run out."""
    if not presence.is_online:
        return Settled(user, Told(), FORGET)
    wait_ms = presence.lease_ends_ms - taken.now_ms + AFTER_LEASE_MS
    return Settled(user, Told(is_online=True), max(wait_ms, AFTER_LEASE_MS))


def _retry(user: User, told: Told) -> Settled:
    tries = told.tries + 1
    return Settled(user, told._replace(tries=tries), min(1000 * 2**tries, LONGEST_RETRY_MS))
