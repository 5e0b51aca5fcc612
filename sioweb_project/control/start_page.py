"""The admin's first page: how the sites are doing, and the way to a first message.

unfold's DASHBOARD_CALLBACK names `fill`; what it fills is templates/admin/index.html.
"""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from sites.access import ADD_SITE, SEND_TEST, VIEW_SITE, visible_sites
from sites.models import Site
from sites.status import UNKNOWN, SiteStatus, show, show_age, statuses

MAX_SITES = 24  # cards on the page; the list of sites has them all
NEWCOMER_SITES = 1  # who has no more, such as the demo's, is shown the steps to a first message


@dataclass(frozen=True, slots=True)
class Card:
    site: Site
    status: SiteStatus

    @property
    def numbers(self) -> dict[str, str]:
        return {
            "clients now": show(self.status.clients),
            "messages a minute": show(self.status.messages_per_minute),
            "waiting": show(self.status.waiting),
        }

    @property
    def auth_failed(self) -> str:
        """How long ago, such as "3 minutes ago"; "" = not known."""
        at = self.status.last_auth_failure_at
        return "" if at is None else show_age(at, timezone.now())


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    user = request.user
    sites = visible_sites(user) if user.has_perm(VIEW_SITE) else Site.objects.none()
    site_count = sites.count()
    return context | {
        "title": "Overview",
        "cards": _cards(list(sites.order_by("name")[:MAX_SITES])),
        "site_count": site_count,
        "is_newcomer": site_count <= NEWCOMER_SITES,
        "may_add": user.has_perm(ADD_SITE),
        "may_send": user.has_perm(SEND_TEST),
    }


def _cards(sites: list[Site]) -> list[Card]:
    found = statuses([site.name for site in sites])
    return [Card(site, found.get(site.name, UNKNOWN)) for site in sites]
