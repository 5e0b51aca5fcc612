"""Counting the uses of keys."""

from datetime import UTC, datetime, timedelta

from sites.models import ApiKey, Site
from sites.uses import Use, Uses, write_uses

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_uses_add_up_and_the_last_one_counts() -> None:
    uses = Uses()
    assert not uses
    for pk, moment in ((1, NOON), (1, NOON + MINUTE), (2, NOON)):
        uses.note(pk, moment)
    assert uses.take() == {1: Use(2, NOON + MINUTE), 2: Use(1, NOON)}
    assert not uses


def test_what_was_not_written_is_added_to_what_came_meanwhile() -> None:
    uses = Uses()
    uses.note(1, NOON)
    taken = uses.take()
    uses.note(1, NOON + MINUTE)
    uses.put_back(taken)
    assert uses.take() == {1: Use(2, NOON + MINUTE)}


def test_writing_adds_and_keeps_the_later_time(newsite: Site) -> None:
    key = newsite.api_keys.get()
    write_uses({key.pk: Use(2, NOON)})
    write_uses({key.pk: Use(3, NOON - MINUTE), key.pk + 1: Use(1, NOON)})
    key.refresh_from_db()
    assert (key.use_count, key.last_used_at) == (5, NOON)
    assert ApiKey.objects.count() == 1
