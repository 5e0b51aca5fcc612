"""What Django is told of the database, by its address."""

import sys

import pytest

from sioweb_project.database_settings import check_database_url, database

POSTGRESQL = "postgres://me:p%40ss@db:5433/sio"


def test_sqlite_is_told_to_let_readers_and_a_writer_work_at_once() -> None:
    entry = database("sqlite:////srv/db.sqlite3")
    assert entry["NAME"] == "/srv/db.sqlite3"
    assert "WAL" in entry["OPTIONS"]["init_command"]


def test_postgresql_is_used_through_a_pool_that_hands_out_what_answers() -> None:
    entry = database(POSTGRESQL)
    assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("db", 5433, "sio")
    assert (entry["USER"], entry["PASSWORD"]) == ("me", "p@ss")
    assert entry["OPTIONS"]["pool"]["max_size"] == 10
    assert (entry["CONN_HEALTH_CHECKS"], entry["CONN_MAX_AGE"]) == (True, 0)


def test_the_urls_parameters_win_over_what_the_service_chooses() -> None:
    url = f"{POSTGRESQL}?sslmode=verify-full&connect_timeout=9"
    options = database(check_database_url(url))["OPTIONS"]
    assert (options["sslmode"], options["connect_timeout"]) == ("verify-full", 9)
    assert options["application_name"] == "sioweb"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db/sio",
        "postgres:///sio?host=/var/run/postgresql",
        "postgres://me:x@a:5432,b:5433/sio?target_session_attrs=read-write",
        "postgres://me@[::1]:5432/sio",
    ],
)
def test_every_form_of_address_is_taken(url: str) -> None:
    assert check_database_url(url) == url


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("db:x/name", "its port is no number from 1 to 65535"),
        ("a:5432,b:0/name", "its port is no number from 1 to 65535"),
        ("db:5432", "it names no database"),
        ("db/?sslmode=require", "it names no database"),
        ("db/name?conn_max_age=60", "'conn_max_age' is no parameter of PostgreSQL's library"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_with_the_reason(rest: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        check_database_url(f"postgres://me:x@{rest}")


@pytest.mark.parametrize("path", ["db.sqlite3", "srv/db.sqlite3"])
def test_sqlite_without_a_file_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="three slashes"):
        check_database_url(f"sqlite://{path}")
    assert check_database_url(f"sqlite:////{path}")


@pytest.mark.parametrize("module", ["psycopg", "psycopg_pool"])
def test_without_psycopg_it_is_said_what_to_install(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=r"install requirements/production\.txt"):
        check_database_url(POSTGRESQL)
    assert check_database_url("sqlite:////srv/db.sqlite3")
