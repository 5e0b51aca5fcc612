"""Faults of a real database, and of what is in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from django.utils import timezone
from pytest_django import Settings

from sioweb_project.config import RedisConfig
from sioweb_project.doctor import database, site_keys
from sioweb_project.doctor.findings import Level
from sites.models import ApiKey, Site
from tests.redis_process import free_port
from tests.sioweb_project.doctor.saying import is_well, only, says


@contextmanager
def connecting(**database: Any) -> Iterator[BaseDatabaseWrapper]:
    connections = ConnectionHandler({"default": database})
    try:
        yield connections["default"]
    finally:
        connections.close_all()


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.create(name="shop", auth_url="http://shop.example/rooms")


def test_a_database_without_its_tables_is_found(tmp_path: Path, django_db_blocker: Any) -> None:
    file = tmp_path / "db.sqlite3"
    with (
        django_db_blocker.unblock(),
        connecting(ENGINE="django.db.backends.sqlite3", NAME=str(file)) as connection,
    ):
        found = database.look_at(connection)
    says(only(found, "migrations"), Level.FAIL, "are not applied", "manage.py migrate")


def test_a_file_that_cannot_be_opened_is_found(tmp_path: Path, django_db_blocker: Any) -> None:
    with (
        django_db_blocker.unblock(),
        connecting(
            ENGINE="django.db.backends.sqlite3",
            NAME=str(tmp_path / "no-such-folder" / "db.sqlite3"),
        ) as connection,
    ):
        [found] = database.look_at(connection)
    says(found, Level.FAIL, "unable to open", "read and write the file")


def test_a_stopped_postgresql_is_found_and_the_password_not_shown(django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), connecting(
        ENGINE="django.db.backends.postgresql",
        NAME="sioweb", USER="sioweb", PASSWORD="hunter2", HOST="127.0.0.1", PORT=free_port(),
    ) as connection:  # fmt: skip
        [found] = database.look_at(connection)
    says(found, Level.FAIL, "Connection refused", "systemctl status postgresql")
    assert "hunter2" not in f"{found}"


def test_sqlite_beside_a_redis_of_several_machines_is_found(
    tmp_path: Path, settings: Settings, django_db_blocker: Any
) -> None:
    redis = RedisConfig("redis://redis.example:6379/0")
    settings.CONFIG = replace(settings.CONFIG, redis=redis)
    with (
        django_db_blocker.unblock(),
        connecting(
            ENGINE="django.db.backends.sqlite3", NAME=str(tmp_path / "db.sqlite3")
        ) as connection,
    ):
        found = database.look_at(connection)
    says(only(found, "database machines"), Level.WARN, "alone", "PostgreSQL")


def test_a_site_whose_key_works_for_long_is_well(site: Site) -> None:
    ApiKey.objects.make(site)
    is_well(site_keys.examine())


@pytest.mark.django_db
def test_no_site_is_told() -> None:
    says(site_keys.examine()[0], Level.WARN, "no site is enabled", "Add one in the admin")


def test_a_site_without_a_key_is_found(site: Site) -> None:
    ApiKey.objects.make(site)[0].revoke()
    says(only(site_keys.examine(), "API keys"), Level.WARN, "shop has none", "Add one in the admin")


def test_a_key_that_ends_within_a_week_is_found(site: Site) -> None:
    key, text = ApiKey.objects.make(site, "checkout")
    key.end(timezone.now() + timedelta(days=3))
    found = only(site_keys.examine(), "API keys")
    says(found, Level.WARN, "checkout of shop ends", "Rotate in the admin")
    assert text not in f"{found}"


def test_another_secret_key_than_that_of_the_database_is_found(
    site: Site, settings: Settings, tmp_path: Path
) -> None:
    """As after a restore without the secret key: the digests are of no use."""
    settings.CONFIG = replace(settings.CONFIG, config_dir=tmp_path)
    entry = "shop: {authUrl: http://shop.example/rooms, apiKey: the-key-of-the-file}\n"
    (tmp_path / "sites.yml").write_text(entry)
    ApiKey.objects.add(site, "the-key-of-the-file", is_from_file=True)
    is_well(site_keys.examine())
    settings.SECRET_KEY = "another one that was made at the first start elsewhere"
    found = only(site_keys.examine(), "secret key")
    says(found, Level.FAIL, "the secret key is not the one", "seed_sites --update")
    assert "the-key-of-the-file" not in f"{found}"


def test_a_broken_sites_file_is_found(site: Site, settings: Settings, tmp_path: Path) -> None:
    ApiKey.objects.make(site)
    settings.CONFIG = replace(settings.CONFIG, config_dir=tmp_path)
    (tmp_path / "sites.yml").write_text("shop: {authUrl: nowhere}\n")
    says(only(site_keys.examine(), "sites.yml"), Level.FAIL, "authUrl", "manage.py check")
