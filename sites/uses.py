"""How often keys were used, and when last: counted in memory, written now and then.

`sites.registry` notes each use on the way of a message and hands the sum of a minute
to the database, so that a busy key costs one write a minute and process.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction
from django.db.models.functions import Coalesce, Greatest

from sites.models import ApiKey


@dataclass(slots=True)
class Use:
    count: int
    last: datetime


class Uses:
    """The uses of each key that are not written yet."""

    def __init__(self) -> None:
        self._uses: dict[int, Use] = {}  # by the key's pk

    def __bool__(self) -> bool:
        return bool(self._uses)

    def note(self, pk: int, moment: datetime, count: int = 1) -> None:
        former = self._uses.get(pk)
        if former is None:
            self._uses[pk] = Use(count, moment)
        else:
            former.count += count
            former.last = max(former.last, moment)

    def take(self) -> dict[int, Use]:
        """Return all and begin anew."""
        uses, self._uses = self._uses, {}
        return uses

    def put_back(self, uses: dict[int, Use]) -> None:
        """Keep what could not be written, beside what has come meanwhile."""
        for pk, use in uses.items():
            self.note(pk, use.last, use.count)


def write_uses(uses: dict[int, Use]) -> None:
    """Add `{ApiKey pk: Use}` to the rows; a later time of another process stays."""
    with transaction.atomic():
        for pk, use in uses.items():
            last = models.Value(use.last, models.DateTimeField())
            ApiKey.objects.filter(pk=pk).update(
                use_count=models.F("use_count") + use.count,
                last_used_at=Greatest(Coalesce("last_used_at", last), last),
            )
