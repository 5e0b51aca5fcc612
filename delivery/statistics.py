"""Statistics: what all processes have counted, in Redis for an hour.

`reports` records here once a second, `live` and the admin read. Beside `queues` a
module that tells Redis what to do; `lua/statistics.lua` describes the stored shapes.
The cost depends on how many sites are busy, not on how much they do.
"""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from struct import Struct
from typing import Any

import orjson
from django.conf import settings

from delivery import names
from delivery.calls import Call
from delivery.counters import FIELDS, AuthFailure
from delivery.redis_client import QUEUES, run_scripts

RECENT, MINUTES = 5, 60  # seconds of a bucket
KEPT = {RECENT: 36, MINUTES: 60}  # buckets of each: three minutes, an hour
PROCESS_SECONDS = 15  # a process that has been silent for so long is gone
FAILURE_SECONDS = 7 * 86_400
STORED = Struct(f">{len(FIELDS)}I")  # a bucket

Counts = tuple[int, ...]
"""As counters.FIELDS."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the cluster, as it said when it was last seen."""

    id: str
    host: str
    pid: int
    version: str
    started_at: int  # all times in seconds since 1970
    seen_at: int
    clients: int
    sites: dict[str, tuple[int, int]]  # site -> clients, waiting messages


@dataclass(frozen=True, eq=False, slots=True)
class Figures:
    """One site, or all of them, in the whole cluster, at one reading: equal to no other. Buckets
    are oldest first, the last one still runs."""

    now: int
    processes: tuple[Process, ...]
    clients: int
    waiting: int
    auth_failure: AuthFailure | None
    recent: tuple[Counts, ...]
    minutes: tuple[Counts, ...]


@dataclass(frozen=True, slots=True)
class Glance:
    """One site in a list of many."""

    clients: int
    waiting: int
    messages_per_minute: int
    auth_failure: AuthFailure | None


class Statistics:
    """Every method raises RedisUnavailable."""

    def __init__(self, alias: str = QUEUES) -> None:
        self._alias = alias
        self._key = names.processes_key(settings.CONFIG.redis.prefix)
        self._process = secrets.token_hex(8)

    async def record(
        self,
        report: Mapping[str, object],
        counts: Mapping[str, Sequence[int]],
        failures: Mapping[str, AuthFailure],
    ) -> None:
        """Say that this process lives, and add what it has counted since the last time.

        `report` has the fields of Process but `id` and `seen_at`; `counts` those of FIELDS.
        """
        args: list[bytes | str | int] = [self._process, orjson.dumps(report), PROCESS_SECONDS]
        args += [len(KEPT), *(number for step in KEPT.items() for number in step)]
        args += [len(failures), *_failure_args(failures)]
        for site, values in counts.items():
            increments = [(i, value) for i, value in enumerate(values) if value]
            args += [site, len(increments), *(part for pair in increments for part in pair)]
        await self._run("record", *args)

    async def leave(self) -> None:
        """Say that this process ends. What it has counted stays."""
        await self._run("leave", self._process)

    async def read(self, site: str) -> Figures:
        """Return the figures of a site, "" = of all."""
        steps = (number for step in KEPT.items() for number in step)
        now, failure, reports, recent, minutes = await self._run("figures", site, *steps)
        processes = _to_processes(reports)
        clients, waiting = _sum(processes, site)
        if site:  # how many the others have is not for this one's owners
            processes = tuple(_of_site(each, site) for each in processes)
        return Figures(
            now,
            processes,
            clients,
            waiting,
            _to_failure(failure),
            recent=tuple(map(_to_counts, recent)),
            minutes=tuple(map(_to_counts, minutes)),
        )

    async def glance(self, sites: Collection[str]) -> dict[str, Glance]:
        """Return how many sites are doing."""
        now, reports, *found = await self._run("present", MINUTES, *sites)
        processes = _to_processes(reports)
        return {
            site: Glance(
                *_sum(processes, site), _per_minute(now, former, running), _to_failure(failure)
            )
            for site, (failure, former, running) in zip(sites, found, strict=True)
        }

    async def _run(self, script: str, *args: bytes | str | int) -> Any:
        [reply] = await run_scripts(self._alias, [Call(script, (self._key,), args)])
        return reply


def pick(counts: Counts, field: str) -> int:
    """
    >>> pick(tuple(range(len(FIELDS))), "messages")
    2
    """
    return counts[FIELDS.index(field)]


def _failure_args(failures: Mapping[str, AuthFailure]) -> Iterator[bytes | str | int]:
    for site, failure in failures.items():
        yield from (site, orjson.dumps(asdict(failure)), FAILURE_SECONDS)


def _to_processes(reports: Sequence[Any]) -> tuple[Process, ...]:
    """Order them by their start, so that they keep their places on a page."""
    found = [
        Process(id=name.decode(), seen_at=seen, **orjson.loads(report))
        for name, seen, report in reports
    ]
    return tuple(sorted(found, key=lambda each: (each.started_at, each.id)))


def _of_site(process: Process, site: str) -> Process:
    own = process.sites.get(site, (0, 0))
    return replace(process, clients=own[0], sites={site: own})


def _to_failure(stored: bytes | None) -> AuthFailure | None:
    return None if stored is None else AuthFailure(**orjson.loads(stored))


def _to_counts(stored: bytes | None) -> Counts:
    """Redis makes the string as long as the last count that is not 0 needs it.

    >>> _to_counts(bytes([0, 0, 1, 0, 0, 0, 0, 7]))[:4]
    (256, 7, 0, 0)
    """
    return STORED.unpack((stored or b"").ljust(STORED.size, b"\0"))


def _sum(processes: Sequence[Process], site: str) -> tuple[int, int]:
    """Return clients and waiting messages of one site or, for "", of all."""
    pairs = [
        pair for process in processes for name, pair in process.sites.items() if site in ("", name)
    ]
    return sum(clients for clients, _ in pairs), sum(waiting for _, waiting in pairs)


def _per_minute(now: int, former: bytes | None, running: bytes | None) -> int:
    """Return the messages of the last 60 seconds, as if those of a minute came evenly."""
    share = 1 - now % MINUTES / MINUTES
    before, since = (pick(_to_counts(bucket), "messages") for bucket in (former, running))
    return round(before * share) + since
