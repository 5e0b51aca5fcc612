"""Names that sites have given up, and how long what belongs to them is kept."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F
from django.forms import modelform_factory
from pytest_django import Settings

from delivery.queues import LEASE_SECONDS
from delivery.receipts import KEPT_SECONDS
from sites.former_names import FormerName
from sites.models import Site
from sites.site_form import HELD_NAME, SiteForm

HOUR = 3_600


@pytest.mark.parametrize(
    ("client_ttl", "seconds", "is_held"),
    [
        (2 * HOUR, 2 * HOUR + LEASE_SECONDS, True),  # a client's lease has to end first
        (2 * HOUR, 2 * HOUR + 300, False),
        (1, KEPT_SECONDS, True),  # receipts are kept for an hour
        (1, HOUR + 300, False),
        (0, 9_999 * HOUR, True),  # messages are kept for ever
    ],
)
def test_a_name_is_held_as_long_as_what_belongs_to_it_is_kept(
    newsite: Site, settings: Settings, client_ttl: int, seconds: int, is_held: bool
) -> None:
    settings.CONFIG = replace(settings.CONFIG, client_ttl_seconds=client_ttl)
    newsite.delete()
    FormerName.objects.update(left_at=F("left_at") - timedelta(seconds=seconds))
    assert FormerName.objects.holds("newsite") == is_held


def test_a_name_that_no_site_had_is_free(newsite: Site) -> None:
    newsite.delete()
    assert not FormerName.objects.holds("NewSite")


def test_a_name_is_held_from_the_last_time_that_it_was_given_up(newsite: Site) -> None:
    newsite.delete()
    FormerName.objects.update(left_at=F("left_at") - timedelta(days=9_999))
    Site.objects.create(name="newsite", auth_url="http://a.com")
    Site.objects.all().delete()
    assert FormerName.objects.holds("newsite")
    assert FormerName.objects.count() == 1


def test_a_name_that_is_given_up_as_a_form_is_checked_is_held(
    newsite: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by another process, on PostgreSQL, once the form's own checks of the name are done."""
    form = modelform_factory(Site, SiteForm, fields=["name"])({"name": "newsite"})
    monkeypatch.setattr(Site, "clean", lambda _: newsite.delete())
    assert form.errors == {"name": [HELD_NAME]}
