"""What this process counts, by site: numbers in memory that only grow.

The way of a message only adds to them; once a second `reports` takes what is new to Redis,
where `statistics` sums up all processes, and `metrics` shows them as they are. Imports
nothing of the project but histograms.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from delivery.histograms import LONG_ENDS, SHORT_ENDS, Histogram

Refusal = Literal[
    "no_token",  # no token or device id that can be used
    "denied",  # by the site: 401 or 403
    "bad_answer",  # the site's answer is no list of rooms, or its address is denied
    "unreachable",  # the site gave no answer in time
    "unavailable",  # Redis or the backplane is out of reach
    "origin",  # a page of an origin that the site has not allowed
    "too_many",  # clients of a site or a user, or connections from one address
    "too_fast",  # more handshakes than may come in a second
    "unknown_site",  # counted for all sites together only: anybody may make up names
]

Limit = Literal[
    "sends",  # messages of /send
    "failed_keys",  # calls from where keys were guessed
    "events",  # connections closed: the client emitted too much,
    "namespaces",  # or joined too many
    "size",  # requests with too long a URL or headers
]

LIMITS: tuple[Limit, ...] = get_args(Limit)
# What becomes of a call of `/send` that is not taken, by the status of its answer.
SendFailure = Literal[
    "invalid",  # 400, 405, 415
    "unauthorized",  # 401
    "too_large",  # 413
    "limited",  # 429
    "unavailable",  # 503
    "failed",  # 500
]
AuthResult = Literal["rooms", "denied", "bad_answer", "unreachable"]  # as in Refusal

REFUSALS: tuple[Refusal, ...] = get_args(Refusal)
SEND_FAILURES: tuple[SendFailure, ...] = get_args(SendFailure)
AUTH_RESULTS: tuple[AuthResult, ...] = get_args(AuthResult)
RESYNCS = ("out_of_order", "overflow", "state_lost", "requested")
ALL_SITES = ""  # no site has this name
# Upper ends of the classes of ack delays, in ms, each about 1.4 times the one before.
DELAY_ENDS_MS = (
    *(1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768),
    *(1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000, 16_000, 32_000, 64_000),
)
# The order in which counts are stored. A change of it needs a new name of the Redis keys.
FIELDS: tuple[str, ...] = (
    *("connects", "disconnects", "messages", "stored", "broadcast", "acks"),
    *(f"refused.{each}" for each in REFUSALS),
    *(f"resync.{each}" for each in RESYNCS),
    *(f"limited.{each}" for each in LIMITS),
    *(f"delay.{end:g}" for end in (*DELAY_ENDS_MS, float("inf"))),
)
MAX_FAILURE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class AuthFailure:
    """An authUrl that did not do its part; a client that is refused is none."""

    at_seconds: int  # since 1970
    reason: str


@dataclass(eq=False, slots=True)
class SiteCounts:
    """What has happened at one site, in this process, since it started."""

    clients: int = 0  # now
    waiting: int = 0  # for clients that are online here, when their leases were last renewed
    connects: int = 0
    disconnects: int = 0
    messages: int = 0  # from /send
    stored: int = 0  # copies of them, written to sockets from a queue
    broadcast: int = 0  # copies written to sockets from shared rooms
    acks: int = 0  # of copies from a queue
    refused: dict[Refusal, int] = field(default_factory=lambda: dict.fromkeys(REFUSALS, 0))
    resyncs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RESYNCS, 0))
    limited: dict[Limit, int] = field(default_factory=lambda: dict.fromkeys(LIMITS, 0))
    delays: list[int] = field(default_factory=lambda: [0] * (len(DELAY_ENDS_MS) + 1))
    auth_failure: AuthFailure | None = None
    # Of metrics alone, not in FIELDS.
    queued: int = 0  # copies put into queues
    overflows: int = 0  # queues that were full, and dropped
    dropped: int = 0  # copies from shared rooms that a slow reader was not sent
    delay_seconds: float = 0.0  # of all acks together
    send_failures: dict[SendFailure, int] = field(
        default_factory=lambda: dict.fromkeys(SEND_FAILURES, 0)
    )
    auth_results: dict[AuthResult, int] = field(
        default_factory=lambda: dict.fromkeys(AUTH_RESULTS, 0)
    )
    auth_times: Histogram = field(default_factory=lambda: Histogram(LONG_ENDS))
    _taken: list[int] = field(default_factory=lambda: [0] * len(FIELDS))

    def connect(self) -> None:
        self.clients += 1
        self.connects += 1

    def disconnect(self) -> None:
        self.clients -= 1
        self.disconnects += 1

    def ack(self, copies: int, delay_seconds: float) -> None:
        self.acks += copies
        self.delays[bisect_left(DELAY_ENDS_MS, delay_seconds * 1000)] += 1
        self.delay_seconds += delay_seconds

    def call_auth(self, result: AuthResult, seconds: float) -> None:
        self.auth_results[result] += 1
        self.auth_times.observe(seconds)

    def resync(self, reason: str) -> None:
        """A reason that a newer process has made up is none of these."""
        if reason in self.resyncs:
            self.resyncs[reason] += 1

    def fail_auth(self, reason: str) -> None:
        self.auth_failure = AuthFailure(int(time.time()), reason[:MAX_FAILURE_CHARACTERS])

    def take(self) -> list[int]:
        """Return what has been counted since the last time, in the order of FIELDS."""
        before, self._taken = self._taken, self._count()
        return [now - then for now, then in zip(self._taken, before, strict=True)]

    def take_auth_failure(self) -> AuthFailure | None:
        failure, self.auth_failure = self.auth_failure, None
        return failure

    def _count(self) -> list[int]:
        return [
            *(self.connects, self.disconnects, self.messages),
            *(self.stored, self.broadcast, self.acks),
            *(*self.refused.values(), *self.resyncs.values()),
            *(*self.limited.values(), *self.delays),
        ]


class Counters:
    """The counts of all sites that this process has had to do with, and of none."""

    def __init__(self) -> None:
        self._sites: dict[str, SiteCounts] = {}
        self.backplane_lag = Histogram(SHORT_ENDS)  # from an announcement to its being heard
        self.loop_lag = Histogram(SHORT_ENDS)  # by which the event loop is behind

    def of(self, site: str) -> SiteCounts:
        """Return the counts of a site that the registry knows, for as long as the process lives:
        connections keep them."""
        counts = self._sites.get(site)
        if counts is None:
            counts = self._sites[site] = SiteCounts()
        return counts

    def __iter__(self) -> Iterator[tuple[str, SiteCounts]]:
        return iter(self._sites.items())

    @property
    def clients(self) -> int:
        return sum(counts.clients for counts in self._sites.values())

    @property
    def disconnects(self) -> int:
        return sum(counts.disconnects for counts in self._sites.values())
