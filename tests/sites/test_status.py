"""The seam through which pages get numbers, and how they show them."""

from collections.abc import Collection, Mapping
from datetime import timedelta

import pytest
from django.utils import timezone

from sites import status
from sites.status import SiteStatus


def provide(names: Collection[str]) -> Mapping[str, SiteStatus]:
    return {name: SiteStatus(clients=len(name)) for name in names if name != "unknown"}


def test_without_a_provider_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "_provider", status.know_nothing)
    assert status.status_of("newsite") == SiteStatus()


def test_the_provider_is_asked_for_all_names_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "_provider", status.know_nothing)
    status.set_provider(provide)
    found = status.statuses(["newsite", "unknown"])
    assert found == {"newsite": SiteStatus(clients=7)}
    assert status.status_of("unknown") == SiteStatus()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1\N{NO-BREAK SPACE}minute ago"),
        (7_300, "2\N{NO-BREAK SPACE}hours ago"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds: int, shown: str) -> None:
    now = timezone.now()
    assert status.show_age(now - timedelta(seconds=seconds), now) == shown
