"""Whether this process can take messages now: what `/readyz` answers.

One look at a time serves all who ask meanwhile: nobody need log in to ask, and each look opens a
connection to the database. Between `views` and what is looked at.
"""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from django.db import Error as DatabaseError
from django.db import connection

from delivery.backplane import Backplane
from delivery.exceptions import DeliveryError
from delivery.queues import Queues
from delivery.tasks import Tasks

CHECK_TIMEOUT_SECONDS = 2.0

State = Literal["ok", "unreachable"]
States = dict[str, State]


class Health:
    def __init__(self, queues: Queues, backplane: Backplane, tasks: Tasks) -> None:
        self._queues = queues
        self._backplane = backplane
        self._tasks = tasks
        self._look: asyncio.Task[States] | None = None

    async def states(self) -> States:
        """Return what answers now."""
        look = self._look
        if look is None or look.done():
            look = self._look = self._tasks.start(self._check_all())
        return await asyncio.shield(look)  # whoever hangs up leaves it to the others

    async def _check_all(self) -> States:
        redis, database, backplane = await asyncio.gather(
            _check(self._queues.ping()),
            _check(asyncio.to_thread(_ping_database)),
            _check(self._backplane.ping()),
        )
        return {"redis": redis, "database": database, "backplane": backplane}


async def _check(ping: Awaitable[None]) -> State:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await ping
    except (DeliveryError, DatabaseError, TimeoutError):
        return "unreachable"
    return "ok"


def _ping_database() -> None:
    """Ask on a connection of this thread's own, and close it: nobody else will."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()
