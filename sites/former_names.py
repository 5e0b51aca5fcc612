"""Names that sites have given up, by being deleted or renamed.

Redis has what waits for a site's users under the site's name, and nobody can list it. So
whoever takes the name before its time is over would get it. Imports nothing of the project;
`models` imports it.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

NAME_LENGTH = 64
RECEIPTS_KEPT = timedelta(hours=1)  # whatever client_ttl is
# client_ttl counts from the end of a client's lease, a minute after it was last seen, and
# other processes learn a little later that the site is gone.
LAST_LEASE = timedelta(minutes=2)


class FormerNameQuerySet(models.QuerySet["FormerName"]):
    def note(self, name: str) -> None:
        """Remember that a site gives its name up now."""
        self.update_or_create(name=name, defaults={"left_at": timezone.now()})

    def holds(self, name: str) -> bool:
        """Whether something of a former site may still be there under this name."""
        rows = self.filter(name=name)
        client_ttl = timedelta(seconds=settings.CONFIG.client_ttl_seconds)
        if client_ttl:  # else messages wait for ever
            end = timezone.now() - max(client_ttl, RECEIPTS_KEPT) - LAST_LEASE
            rows = rows.filter(left_at__gt=end)
        return rows.exists()


class FormerName(models.Model):
    name = models.CharField(max_length=NAME_LENGTH, unique=True)
    left_at = models.DateTimeField()

    objects = FormerNameQuerySet.as_manager()

    class Meta:
        default_permissions = ()  # no page shows it

    def __str__(self) -> str:
        return self.name


def note_deletion(instance: Any, **_: object) -> None:
    """Signal receiver: of each site that is deleted, by whatever way."""
    FormerName.objects.note(instance.name)
