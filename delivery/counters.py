"""What this process counts, by site: whole numbers in memory, taken once a second.

The way of a message only adds to them; `reports` takes what has come together to
Redis, where `statistics` sums up all processes. Imports nothing of the project.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

Refusal = Literal[
    "no_token",  # no token or device id that can be used
    "denied",  # by the site: 401 or 403
    "bad_answer",  # the site's answer is no list of rooms
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
REFUSALS: tuple[Refusal, ...] = get_args(Refusal)
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
    """What has happened at one site, in this process, since it was last taken."""

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

    def connect(self) -> None:
        self.clients += 1
        self.connects += 1

    def disconnect(self) -> None:
        self.clients -= 1
        self.disconnects += 1

    def ack(self, copies: int, delay_seconds: float) -> None:
        self.acks += copies
        self.delays[bisect_left(DELAY_ENDS_MS, delay_seconds * 1000)] += 1

    def resync(self, reason: str) -> None:
        """A reason that a newer process has made up is none of these."""
        if reason in self.resyncs:
            self.resyncs[reason] += 1

    def fail_auth(self, reason: str) -> None:
        self.auth_failure = AuthFailure(int(time.time()), reason[:MAX_FAILURE_CHARACTERS])

    def take(self) -> list[int]:
        """Return the counts in the order of FIELDS, and begin again at nothing."""
        taken = [
            *(self.connects, self.disconnects, self.messages),
            *(self.stored, self.broadcast, self.acks),
            *(*self.refused.values(), *self.resyncs.values()),
            *(*self.limited.values(), *self.delays),
        ]
        self.connects = self.disconnects = self.messages = 0
        self.stored = self.broadcast = self.acks = 0
        self.refused = dict.fromkeys(REFUSALS, 0)
        self.resyncs = dict.fromkeys(RESYNCS, 0)
        self.limited = dict.fromkeys(LIMITS, 0)
        self.delays = [0] * len(self.delays)
        return taken

    def take_auth_failure(self) -> AuthFailure | None:
        failure, self.auth_failure = self.auth_failure, None
        return failure


class Counters:
    """The counts of all sites that this process has had to do with."""

    def __init__(self) -> None:
        self._sites: dict[str, SiteCounts] = {}

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
