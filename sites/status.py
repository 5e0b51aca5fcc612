"""How a site is doing right now, from whoever knows: the admin asks here.

This app has no numbers of its own. The project hands in a provider at start; without
one, and for every number that it does not know, pages show NOTHING.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.timesince import timesince

NOTHING = "\N{EN DASH}"
JUST_NOW = timedelta(minutes=1)  # timesince knows nothing smaller, and says "0 minutes"


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """One site, in the whole cluster; None = not known."""

    clients: int | None = None
    messages_per_minute: int | None = None
    waiting: int | None = None  # messages not acknowledged yet
    last_auth_failure: str = ""  # why authUrl did not help; "" = not known to have failed
    last_auth_failure_at: datetime | None = None


Provider = Callable[[Collection[str]], Mapping[str, SiteStatus]]

UNKNOWN = SiteStatus()


def know_nothing(names: Collection[str]) -> Mapping[str, SiteStatus]:
    return {}


_provider: Provider = know_nothing


def set_provider(provider: Provider) -> None:
    """Ask `provider(names)` from now on; it is called in the thread of a page, once a page."""
    global _provider  # the process's one, set when its apps are ready
    _provider = provider


def statuses(names: Collection[str]) -> Mapping[str, SiteStatus]:
    """Return `{name: SiteStatus}` of the sites that something is known of."""
    return _provider(names)


def status_of(name: str) -> SiteStatus:
    return statuses([name]).get(name, UNKNOWN)


def show(number: int | None) -> str:
    """Return a number as a page has it.

    >>> show(12345), show(None) == NOTHING
    ('12,345', True)
    """
    return NOTHING if number is None else f"{number:,}"


def show_age(at: datetime, now: datetime) -> str:
    """Return how long ago something was, in its largest unit, as a page has it.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 27, 12, tzinfo=UTC)
    >>> show_age(noon, noon), show_age(noon - 2 * JUST_NOW, noon)
    ('just now', '2\\xa0minutes ago')
    """
    return "just now" if now - at < JUST_NOW else f"{timesince(at, now, depth=1)} ago"
