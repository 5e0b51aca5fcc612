"""Site and ApiKey as stored."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.forms.models import model_to_dict
from django.utils import timezone

from sites.models import ApiKey, Site
from tests.sites.conftest import KEY


def site_with(**fields: Any) -> Site:
    return Site(**{"name": "shop", "auth_url": "http://shop.com/rooms", **fields})


@pytest.mark.django_db
def test_site_with_name_and_address_alone_is_complete() -> None:
    site = site_with()
    site.full_clean()
    assert (site.auth_scheme, site.user_room_prefix, site.is_enabled) == ("Bearer", "", True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a,b"),
        ("name", "n" * 65),
        ("auth_url", ""),
        ("auth_url", "http://shop.com/" + "x" * 2000),
        ("auth_scheme", ""),
        ("auth_scheme", "Two Words"),
        ("user_room_prefix", " "),
        ("update_user_url", "shop.com"),
        ("public_channel", "a\nb"),
        ("reauth_seconds", -1),
        ("reauth_seconds", 2_592_001),
    ],
)
def test_wrong_field_is_named_by_full_clean(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        site_with(**{field: value}).full_clean()
    assert list(caught.value.message_dict) == [field]


def test_names_are_unique_and_case_sensitive(newsite: Site) -> None:
    Site.objects.create(name="NewSite", auth_url="http://newsite.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        Site.objects.create(name="newsite", auth_url="http://newsite.com")


def test_key_text_is_nowhere_in_the_database(newsite: Site) -> None:
    row, key = ApiKey.objects.make(newsite, "backend")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sites_apikey WHERE id = %s", [row.pk])
        stored = repr(cursor.fetchone())
    assert key not in stored
    assert key[:5] not in stored
    assert key[:4] in stored


def test_same_key_is_stored_once_a_site(newsite: Site) -> None:
    other = Site.objects.create(name="other", auth_url="http://other.com")
    first, again = (ApiKey.objects.add(newsite, KEY) for _ in range(2))
    assert first == again != ApiKey.objects.add(other, KEY)
    assert first.label == "backend"


def test_adding_a_revoked_key_brings_it_back(newsite: Site) -> None:
    row = newsite.api_keys.get()
    row.revoke()
    assert not newsite.api_keys.usable().exists()
    assert ApiKey.objects.add(newsite, KEY) == row
    assert newsite.api_keys.usable().exists()


def test_second_revocation_keeps_the_first_time(newsite: Site) -> None:
    row = newsite.api_keys.get()
    row.revoke()
    first = row.revoked_at
    row.revoke()
    assert row.revoked_at == first


def test_key_is_named_by_its_start_and_label(newsite: Site) -> None:
    assert str(newsite.api_keys.get()) == "5… backend"
    assert str(newsite) == "newsite"


def test_no_form_holds_the_digest(newsite: Site) -> None:
    assert set(model_to_dict(newsite.api_keys.get())) == {"id", "site", "label", "expires_at"}


def test_rotating_makes_a_successor_and_ends_the_old_key_later(newsite: Site) -> None:
    old, before = newsite.api_keys.get(), timezone.now()
    new, key = ApiKey.objects.rotate(old, timedelta(hours=1))
    old.refresh_from_db()
    assert old.expires_at is not None
    assert timedelta(0) <= old.expires_at - before - timedelta(hours=1) < timedelta(minutes=1)
    assert (new.label, new.expires_at, new.is_usable) == ("backend (2)", None, True)
    assert set(newsite.api_keys.usable()) == {old, new}
    assert newsite.api_keys.with_text(key).get() == new


def test_labels_of_rotated_keys_count_on(newsite: Site) -> None:
    first = newsite.api_keys.get()
    second, third, fourth = (ApiKey.objects.rotate(first, timedelta())[0] for _ in range(3))
    assert [each.label for each in (second, third, fourth)] == [
        "backend (2)",
        "backend (3)",
        "backend (4)",
    ]
    assert ApiKey.objects.rotate(second, timedelta())[0].label == "backend (5)"
    unnamed, _ = ApiKey.objects.make(newsite)
    labels = [ApiKey.objects.rotate(unnamed, timedelta())[0].label for _ in range(2)]
    assert labels == [
        f"successor of {unnamed.first_characters}…",
        f"successor of {unnamed.first_characters}… (2)",
    ]
    long = ApiKey.objects.make(newsite, "x" * 100)[0]
    assert len(ApiKey.objects.rotate(long, timedelta())[0].label) <= 100


def test_rotating_without_overlap_ends_the_old_key_now(newsite: Site) -> None:
    old = newsite.api_keys.get()
    new, _ = ApiKey.objects.rotate(old, timedelta(0))
    assert not old.is_usable
    assert list(newsite.api_keys.usable()) == [new]


def test_rotating_lets_no_key_live_longer(newsite: Site) -> None:
    old, end = newsite.api_keys.get(), timezone.now() + timedelta(minutes=5)
    old.end(end)
    ApiKey.objects.rotate(old, timedelta(days=1))
    old.refresh_from_db()
    assert old.expires_at == end


def test_an_expired_key_that_is_added_again_works_again(newsite: Site) -> None:
    row = newsite.api_keys.get()
    row.end(timezone.now())
    assert not row.is_usable
    assert ApiKey.objects.add(newsite, KEY) == row
    assert newsite.api_keys.usable().get() == row
