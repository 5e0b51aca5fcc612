"""The address of the database to what Django is told of it.

Between config_schema.py, which has it checked here, and settings.py. May import exceptions.
"""

import importlib
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import environ

DATABASE_URLS = "a URL such as sqlite:////path/to/db.sqlite3 or postgres://user:password@host/name"
SCHEMES = re.compile(r"(?P<kind>sqlite|postgres|postgresql)://.+", re.DOTALL)
IN_MEMORY = "sqlite://:memory:"  # for tests
NO_PSYCOPG = "PostgreSQL needs psycopg: install requirements/production.txt"

# WAL lets the admin read while another process writes; IMMEDIATE makes two
# writers queue up for `timeout` seconds instead of failing at their first write.
SQLITE = {
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
}
# Django ends a thread with each request of an ASGI server, so that connections that are to
# last cannot belong to threads. An idle process holds one, and most need no more than two.
POOL = {
    "min_size": 1,
    "max_size": 10,
    "timeout": 2.0,  # s to wait for one; /readyz waits no longer either
    "max_idle": 60.0,
    # The library doubles its pause after each failure. Past this it begins anew with the next
    # who asks, which happens each second, so that a database that is back is found at once.
    "reconnect_timeout": 5.0,
}
# A host that is gone without a word is found out by these, in seconds and milliseconds.
POSTGRESQL = {
    "application_name": "sioweb",
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def check_database_url(url: str) -> str:
    """Return it. Raises ValueError, whose text may be shown, where Django could not use it."""
    scheme = SCHEMES.fullmatch(url)
    if url and not scheme:
        raise ValueError
    if scheme and scheme["kind"] == "sqlite":
        _check_sqlite(url)
    elif scheme:
        _check_postgresql(url)
    return url


def database(url: str) -> dict[str, Any]:
    """Return the entry of DATABASES; what the URL's query says wins over what is chosen here."""
    entry: dict[str, Any] = environ.Env.db_url_config(url)
    if entry["ENGINE"] == "django.db.backends.sqlite3":
        return entry | {"OPTIONS": SQLITE}
    options = POSTGRESQL | entry.get("OPTIONS", {}) | {"pool": POOL}
    # Healthy is what answers when it is taken from the pool, which keeps them in Django's place.
    return entry | {"OPTIONS": options, "CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": 0}


def _check_sqlite(url: str) -> None:
    """With two slashes it is no file: each thread has a database of its own, in memory."""
    if not url.startswith("sqlite:///") and url != IN_MEMORY:
        raise ValueError("a path comes after three slashes, of which an absolute one has a fourth")


def _check_postgresql(url: str) -> None:
    parts = urlsplit(url)
    if not all(map(_has_port, parts.netloc.rpartition("@")[2].split(","))):
        raise ValueError("its port is no number from 1 to 65535")
    if not parts.path.strip("/"):
        raise ValueError("it names no database")
    known = _libpq_parameters()
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            raise ValueError(f"{name[:40]!r} is no parameter of PostgreSQL's library")


def _has_port(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").port != 0
    except ValueError:
        return False


def _libpq_parameters() -> set[str]:
    """Ask the library itself, as versions differ. Imported by name: it need not be there."""
    try:
        importlib.import_module("psycopg_pool")
        psycopg = importlib.import_module("psycopg")
    except ImportError as error:
        raise ValueError(NO_PSYCOPG) from error
    return {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
