"""Asks for the rooms of connected clients again, where a site wants that: `reauthSeconds`.

`namespace` hands over a client's token and takes it back when the client goes; the
`switchboard` brings the client to other rooms. For a site without `reauthSeconds` nothing
is kept and nothing is done. A token is kept nowhere else, and written down nowhere.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from delivery.connections import Connection
from delivery.exceptions import AuthRefused, AuthUnavailable, DeliveryError
from delivery.site_auth import SiteAuth
from delivery.switchboard import Switchboard
from delivery.tasks import Tasks
from delivery.user_updates import UserUpdates
from delivery.wheel import Wheel

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0
EARLIEST = 0.8  # of reauthSeconds: clients that came together are asked for apart
QUESTIONS_PER_SITE = 20  # at once, of site_auth's 100: who connects does not wait behind them
QUESTION_SECONDS = 15.0  # its calls, the waits between them and its turn behind connects
FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 300.0
# A site that has given no answer for so long, or for three times reauthSeconds if that is
# longer, has its clients come back on a new connection: a token cannot outlive its site.
PATIENCE_SECONDS = 3600.0
# Answers that say something of the site and nothing of the client: 200 without a list of rooms,
# "try again", "too many requests". A status of 500 or more is AuthUnavailable.
NO_ANSWERS = frozenset({200, 408, 425, 429})
SITE_IS_SILENT = "The site gives no answer"

SendAway = Callable[[str, str], Awaitable[None]]
"""Disconnects the client with this sid from this namespace, so that it stays away."""


@dataclass(eq=False, slots=True)
class Watched:
    """A client that is asked for again; `answered_at` by the clock of `Reauth`."""

    token: str = field(repr=False)
    answered_at: float
    retries: int = 0  # since the last answer


@dataclass(eq=False, slots=True)
class Line:
    """The clients of one site that are due."""

    waiting: deque[str] = field(default_factory=deque)  # sids
    running: int = 0


class Reauth:
    """The clients of this process whose rooms are asked for again."""

    def __init__(
        self,
        site_auth: SiteAuth,
        switchboard: Switchboard,
        updates: UserUpdates,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site_auth = site_auth
        self._switchboard = switchboard
        self._updates = updates
        self._clock = clock
        self._watched: dict[str, Watched] = {}  # by sid
        self._wheel = Wheel(clock())
        self._lines: dict[str, Line] = {}  # by site
        self._somebody = asyncio.Event()
        self._tasks = Tasks()
        self._send_away: SendAway | None = None

    def __len__(self) -> int:
        return len(self._watched)

    def on_refusal(self, send_away: SendAway) -> None:
        """Call this for a client that is no longer welcome."""
        self._send_away = send_away

    def watch(self, connection: Connection, token: str) -> None:
        """From now on ask again, if the client's site wants it."""
        if connection.site.reauth_seconds:
            self._watched[connection.sid] = Watched(token, self._clock())
            self._plan(connection)
            self._somebody.set()

    def forget(self, sid: str) -> None:
        if self._watched.pop(sid, None) is not None:
            self._wheel.remove(sid)

    def forget_sites(self, names: frozenset[str]) -> None:
        """Keep no token of a site that does not want it any more."""
        for sid in list(self._watched):
            connection = self._switchboard.find(sid)
            if connection is None or connection.site.name not in names:
                continue
            if not connection.site.reauth_seconds:
                self.forget(sid)

    async def run(self) -> None:
        """Ask, until cancelled. A process without such clients sleeps."""
        while True:
            await self._somebody.wait()
            try:
                self.ask_due()
            except Exception:
                logger.exception("Clients are not asked for again, trying again")
            if not self._watched:
                self._somebody.clear()
            await asyncio.sleep(TICK_SECONDS)

    async def stop(self) -> None:
        await self._tasks.cancel()

    def ask_due(self) -> None:
        """Have those that are due asked for, a few of each site at a time."""
        for sid in self._wheel.take_due(self._clock()):
            connection = self._switchboard.find(sid)
            if connection is None:
                self.forget(sid)
                continue
            line = self._lines.setdefault(connection.site.name, Line())
            line.waiting.append(sid)
            if line.running < QUESTIONS_PER_SITE:
                line.running += 1
                self._tasks.start(self._serve(line))

    async def _serve(self, line: Line) -> None:
        try:
            while line.waiting:
                await self._ask_about(line.waiting.popleft())
        finally:
            line.running -= 1

    async def _ask_about(self, sid: str) -> None:
        """1. Ask the site. 2. Move the client to its rooms, or 3. part with it. 4. Without an
        answer, or while Redis is away, leave all as it is and ask again soon."""
        watched, connection = self._watched.get(sid), self._switchboard.find(sid)
        if watched is None or connection is None:
            self.forget(sid)
            return
        try:
            await self._move(connection, watched)
        except (AuthRefused, AuthUnavailable) as error:
            await self._take_failure(connection, watched, error)
        except DeliveryError as error:
            logger.warning("%s: a client stays in its rooms: %s", connection.site.name, error)
            self._postpone(connection, watched)
        except Exception:
            logger.exception("%s: a client stays in its rooms", connection.site.name)
            self._postpone(connection, watched)

    async def _move(self, connection: Connection, watched: Watched) -> None:
        if connection.is_ready:  # else it has been asked for just now
            rooms = await self._site_auth.fetch_rooms(
                connection.site, watched.token, QUESTION_SECONDS
            )
            watched.answered_at = self._clock()
            await self._follow(connection, rooms)
        watched.retries = 0
        self._plan(connection)

    async def _follow(self, connection: Connection, rooms: tuple[str, ...]) -> None:
        former = set(connection.rooms)
        try:
            await self._switchboard.move(connection, rooms)
        finally:
            self._updates.note_going(connection, former.difference(rooms))
            self._updates.note_coming(connection)

    async def _take_failure(
        self, connection: Connection, watched: Watched, error: AuthRefused | AuthUnavailable
    ) -> None:
        if isinstance(error, AuthRefused) and error.code not in NO_ANSWERS:
            await self._refuse(connection, error)
        else:
            connection.counts.fail_auth(str(error))
            self._postpone(connection, watched)

    async def _refuse(self, connection: Connection, error: AuthRefused) -> None:
        self.forget(connection.sid)
        if self._switchboard.find(connection.sid) is connection:
            logger.info("%s: disconnected, no longer welcome: %s", connection.site.name, error)
            connection.counts.refused["denied"] += 1
            if self._send_away is not None:
                await self._send_away(connection.sid, connection.namespace)

    def _postpone(self, connection: Connection, watched: Watched) -> None:
        reauth_seconds = connection.site.reauth_seconds
        patience = max(PATIENCE_SECONDS, 3 * reauth_seconds)
        if self._clock() - watched.answered_at > patience:
            self.forget(connection.sid)
            connection.close_transport(SITE_IS_SILENT)
            return
        watched.retries += 1
        wait = min(FIRST_RETRY_SECONDS * 2 ** min(watched.retries - 1, 10), LONGEST_RETRY_SECONDS)
        self._put(connection.sid, min(wait, reauth_seconds))

    def _plan(self, connection: Connection) -> None:
        self._put(connection.sid, connection.site.reauth_seconds)

    def _put(self, sid: str, seconds: float) -> None:
        """Ask after so many seconds, or somewhat earlier."""
        if sid in self._watched:
            delay = seconds * random.uniform(EARLIEST, 1)  # noqa: S311, it spreads calls
            self._wheel.put(sid, self._clock() + delay)
