"""When to look at which user of a site with `updateUserUrl`, and what the site believes.

One schedule in Redis for all processes, which hands each user to one of them at a time: so
a site hears of each change once, in order, whichever process the clients were on. Beside
`queues`; `lua/users.lua` says what is stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings

from delivery import names
from delivery.calls import Call
from delivery.redis_client import QUEUES, run_scripts

CLAIM_MS = 30_000  # for a look and a call; a process that dies with it delays others so long
KEPT_MS = 7 * 24 * 3600 * 1000  # without any process, or any such site
FORGET = -1  # in place of a wait: the user is offline, and their site knows


class User(NamedTuple):
    site: str
    room: str


class Told(NamedTuple):
    """What the site was told last, and how often it has been tried to tell it otherwise."""

    is_online: bool = False
    tries: int = 0


class Settled(NamedTuple):
    user: User
    told: Told
    wait_ms: int  # until the next look, or FORGET


@dataclass(frozen=True, slots=True)
class Taken:
    """Users that this process has to itself until `claim_end_ms`, by Redis' clock."""

    now_ms: int
    claim_end_ms: int
    users: dict[User, Told]


class UpdateSchedule:
    """Every method raises RedisUnavailable."""

    def __init__(self) -> None:
        self._key = names.updates_key(settings.CONFIG.redis.prefix)

    async def note(self, waits_ms: Mapping[User, int]) -> None:
        """Have users looked at, each at the latest after so many ms."""
        pairs = ((names.user_name(*user), wait) for user, wait in waits_ms.items())
        await self._run("note_users", *(part for pair in pairs for part in pair))

    async def take(self, count: int) -> Taken:
        """Take some of those that are due."""
        now, claim_end, *rest = await self._run("take_users", count, CLAIM_MS)
        rows = zip(rest[::2], rest[1::2], strict=True)
        users = {User(*names.split_user_name(name.decode())): _to_told(told) for name, told in rows}
        return Taken(now, claim_end, users)

    async def settle(self, taken: Taken, settled: Iterable[Settled]) -> None:
        """Give users back."""
        args: list[str | int] = []
        for user, told, wait_ms in settled:
            args += [names.user_name(*user), f"{int(told.is_online)} {told.tries}", wait_ms]
        if args:
            await self._run("settle_users", taken.claim_end_ms, *args)

    async def _run(self, script: str, *args: str | int) -> Any:
        [reply] = await run_scripts(QUEUES, [Call(script, (self._key,), (KEPT_MS, *args))])
        return reply


def _to_told(text: bytes) -> Told:
    """
    >>> _to_told(b"1 3"), _to_told(b"")
    (Told(is_online=True, tries=3), Told(is_online=False, tries=0))
    """
    if not text:
        return Told()
    is_online, tries = text.split()
    return Told(is_online == b"1", int(tries))
