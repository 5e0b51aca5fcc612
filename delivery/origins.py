"""Which pages may connect: the `allowedOrigins` of sites against a browser's `Origin`.

Asked twice: at the handshake, where the site is not known yet and any site's will do, and
for each namespace. Between `namespace` and the registry. A program that sends no `Origin`
is no page; it could make one up as well.
"""

import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sites.registry import Registry

EVERY = "*"
SUBDOMAINS = "*."  # after the scheme: any number of names
NAMES = r"(?:[^/:@\s]+\.)"
DEFAULT_PORTS = {"https": ":443", "http": ":80", "wss": ":443", "ws": ":80"}
MAX_ORIGIN_CHARACTERS = 300  # a host name has 253
TOO_LONG = "too-long"  # stands for one that no site can have meant

Scope = Mapping[str, Any]
Pattern = re.Pattern[str] | None
"""None = every origin."""


def allows(allowed: str, origin: str) -> bool:
    """Whether an origin is one of those with white space between them; "" = every one is.

    >>> allows("https://a.com https://*.b.com", "https://x.y.b.com")
    True
    >>> allows("https://*.b.com", "https://b.com"), allows("https://b.com:443", "https://B.com")
    (False, True)
    """
    return _matches(_pattern(allowed), origin)


def read_origin(scope: Scope) -> str:
    """Return the origin of a request, "" = it names none."""
    origin: bytes = dict(scope["headers"]).get(b"origin", b"")
    return origin.decode("latin-1")


def kept_of(environ: Mapping[str, str]) -> dict[str, str]:
    """What of a handshake is kept for as long as the connection: its query, and its origin.

    >>> kept_of({"QUERY_STRING": "EIO=4", "HTTP_ORIGIN": "https://a.com", "HTTP_COOKIE": "a=1"})
    {'QUERY_STRING': 'EIO=4', 'HTTP_ORIGIN': 'https://a.com'}
    """
    kept = {"QUERY_STRING": environ["QUERY_STRING"]}
    if origin := environ.get("HTTP_ORIGIN"):
        short = origin if len(origin) <= MAX_ORIGIN_CHARACTERS else TOO_LONG
        kept["HTTP_ORIGIN"] = sys.intern(short)  # most clients' are the same
    return kept


class Origins:
    """Of all sites together."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._version = -1
        self._pattern: Pattern = None

    def allow(self, origin: str) -> bool:
        """Whether any site does."""
        if self._version != self._registry.version:
            self._version = self._registry.version
            each = [site.allowed_origins for site in self._registry]
            # Not one of those that are kept: with each change of a site it is another.
            self._pattern = _compile(" ".join(each)) if all(each) else None
        return _matches(self._pattern, origin)


@lru_cache(maxsize=10_000)
def _pattern(allowed: str) -> Pattern:
    return _compile(allowed)


def _matches(pattern: Pattern, origin: str) -> bool:
    return pattern is None or pattern.fullmatch(origin.lower()) is not None


def _compile(allowed: str) -> Pattern:
    origins = allowed.lower().split()
    if not origins or EVERY in origins:
        return None
    return re.compile("|".join(sorted({_expression(each) for each in origins})))


def _expression(origin: str) -> str:
    scheme, separator, host = origin.partition("://")
    host = host.removesuffix(DEFAULT_PORTS.get(scheme, ":"))
    start = re.escape(scheme + separator)
    if host.startswith(SUBDOMAINS):
        return f"{start}{NAMES}{re.escape(host.removeprefix(SUBDOMAINS))}"
    return start + re.escape(host)
