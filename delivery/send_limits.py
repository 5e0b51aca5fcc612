"""How many messages a site, and each of its keys, may send: between `credentials` and `publish`.

The truth is one bucket of tokens for each in Redis, for all processes. A process takes them
in portions and spends them without asking, so that a `/send` waits for Redis no more often
than ten times a second. Beside `queues` a module that tells Redis what to do.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

from django.conf import settings

from delivery import names
from delivery.calls import Call
from delivery.counters import Counters
from delivery.exceptions import LimitReached
from delivery.redis_client import QUEUES, run_scripts
from sites.limits import in_force
from sites.snapshots import SiteSnapshot

PORTIONS_PER_SECOND = 10  # what a process that ends has taken and not spent is lost
MAX_BUCKETS = 10_000  # of sites and keys; more forget what they hold

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Rates:
    """As the configuration has them, for sites without their own; 0 = no limit."""

    sends_per_second: int = 0
    key_sends_per_second: int = 0
    sends_at_once: int = 0


@dataclass(eq=False, slots=True)
class Bucket:
    """This process's share of one bucket in Redis."""

    key: str  # of Redis
    whose: str
    rate: int  # tokens a second
    full: int
    held: int = 0  # taken and not spent
    left: int = 0  # in Redis, when last asked
    asked_at: float = 0.0
    refused_until: float = 0.0
    refused: int = 0  # how many were, until then
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def portion(self) -> int:
        return min(self.full, max(1, self.rate // PORTIONS_PER_SECOND))

    def left_at(self, now: float) -> int:
        """About how many may be spent: others may have taken some."""
        filled = self.left + self.rate * (now - self.asked_at)
        return max(0, self.held + int(min(self.full, filled)))

    def headers(self, now: float) -> Headers:
        left = min(self.full, self.left_at(now))
        return {
            "RateLimit-Limit": str(self.full),
            "RateLimit-Remaining": str(left),
            "RateLimit-Reset": str(ceil((self.full - left) / self.rate)),
        }


class SendLimits:
    def __init__(
        self,
        rates: Rates,
        counters: Counters,
        *,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        """`now_ms` replaces both Redis' clock and this process's."""
        self._rates = rates
        self._counters = counters
        self._now_ms = now_ms
        self._prefix = settings.CONFIG.redis.prefix
        self._buckets: dict[str, Bucket] = {}

    def are_set(self, site: SiteSnapshot) -> bool:
        """Whether `spend` need be asked: for most sites it need not."""
        return any(self._rates_of(site))

    async def spend(self, site: SiteSnapshot, key: int, messages: int) -> Headers:
        """Count messages that are about to be sent; return headers that tell what is left.

        Raises LimitReached, and nothing is spent; RedisUnavailable.
        """
        buckets = self._buckets_of(site, key)
        spent: list[Bucket] = []
        try:
            for bucket in buckets:
                await self._spend(bucket, messages)
                spent.append(bucket)
        except LimitReached:
            self._counters.of(site.name).limited["sends"] += messages
            raise
        finally:
            if len(spent) < len(buckets):
                for bucket in spent:
                    bucket.held += messages
        now = self._now()
        return min(buckets, key=lambda each: each.left_at(now)).headers(now)

    def _rates_of(self, site: SiteSnapshot) -> tuple[int, int]:
        rates = self._rates
        return (
            in_force(site.sends_per_second, rates.sends_per_second),
            in_force(site.key_sends_per_second, rates.key_sends_per_second),
        )

    def _buckets_of(self, site: SiteSnapshot, key: int) -> list[Bucket]:
        of_site, of_key = self._rates_of(site)
        at_once = in_force(site.sends_at_once, self._rates.sends_at_once)
        buckets = []
        if of_site:
            name = names.send_bucket_key(self._prefix, site.name)
            buckets.append(self._find(name, "site", of_site, at_once))
        if of_key:
            name = names.send_bucket_key(self._prefix, site.name, key)
            buckets.append(self._find(name, "key", of_key, at_once))
        return buckets

    def _find(self, name: str, whose: str, rate: int, at_once: int) -> Bucket:
        full = at_once or rate
        bucket = self._buckets.get(name)
        if bucket is None or (bucket.rate, bucket.full) != (rate, full):
            if len(self._buckets) >= MAX_BUCKETS:
                self._buckets.clear()
            bucket = self._buckets[name] = Bucket(name, whose, rate, full)
        return bucket

    async def _spend(self, bucket: Bucket, tokens: int) -> None:
        if bucket.held < tokens or bucket.lock.locked():
            async with bucket.lock:  # whoever came first gets theirs first, and asks for all
                while bucket.held < tokens:
                    await self._take(bucket, tokens)
                bucket.held -= tokens
        else:
            bucket.held -= tokens

    async def _take(self, bucket: Bucket, tokens: int) -> None:
        """Take a portion from Redis, or what is needed. Raises LimitReached."""
        now = self._now()
        if now < bucket.refused_until and tokens >= bucket.refused:
            raise _refusal(bucket, bucket.refused_until - now, now)
        needed = tokens - bucket.held
        clock = self._now_ms() if self._now_ms else ""
        args = (clock, bucket.rate, bucket.full, needed, max(needed, bucket.portion))
        [reply] = await run_scripts(QUEUES, [Call("take", (bucket.key,), args)])
        taken, bucket.left, wait_ms = reply
        bucket.held += taken
        bucket.asked_at = now
        if not taken:
            bucket.refused_until, bucket.refused = now + wait_ms / 1000, tokens
            raise _refusal(bucket, wait_ms / 1000, now)

    def _now(self) -> float:
        return self._now_ms() / 1000 if self._now_ms else time.monotonic()


def _refusal(bucket: Bucket, wait_seconds: float, now: float) -> LimitReached:
    message = f"This {bucket.whose} may send {bucket.rate} messages a second."
    return LimitReached("too_many_messages", message, wait_seconds, bucket.headers(now))
