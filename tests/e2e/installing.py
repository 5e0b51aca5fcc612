"""The service with the sites that most tests need, on the Redis of the test process."""

import atexit
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from shutil import copy, rmtree
from typing import Any

from tests.e2e.service import MANAGE, Config, Installation, Service, Sites
from tests.e2e.site import FakeSite

OTHER_KEY = "the-key-of-the-other-site"
LATER_KEY = "the-key-of-the-later-site"
PLAIN_KEY = "the-key-of-the-plain-site"
DATABASE = "db.sqlite3"
_numbers = itertools.count(1)


def site_entries(fake_site: FakeSite) -> dict[str, dict[str, Any]]:
    """What sites.yml says: the README's `newsite`, and three that differ from it."""
    return {
        "newsite": {
            "authUrl": fake_site.url("newsite"),
            "authScheme": "Bearer",
            "apiKey": 54321,
            "userRoomPrefix": "user_",
        },
        "othersite": {
            "authUrl": fake_site.url("othersite"),
            "authScheme": "Token",
            "apiKey": OTHER_KEY,
            "userRoomPrefix": "user_",
        },
        "latersite": {
            "authUrl": fake_site.url("latersite"),
            "authScheme": "Bearer",
            "apiKey": LATER_KEY,
            "userRoomPrefix": "user_",
            "prefixedSystemEvents": True,
        },
        "plainsite": {
            "authUrl": fake_site.url("plainsite"),
            "authScheme": "Bearer",
            "apiKey": PLAIN_KEY,
        },
    }


def redis_url() -> str:
    return os.environ["SIOWEB_REDIS_URL"]


def new_prefix() -> str:
    """A part of Redis that no other service of this test process uses."""
    return f"e2e-{next(_numbers)}"


def install(
    folder: Path, sites: Sites, config: Config, *, is_first_start: bool = False
) -> Installation:
    """At a first start all of the database is to be made; else that has been done."""
    redis = {"redis": {"url": redis_url(), "prefix": new_prefix()}}
    installation = Installation.create(folder, sites, redis | dict(config))
    if not is_first_start:
        installation.data_dir.mkdir(mode=0o700)
        copy(_migrated() / DATABASE, installation.data_dir)
    return installation


@cache
def _migrated() -> Path:
    """A data folder whose database is as `migrate` makes it; nothing has been started on it."""
    folder = Path(tempfile.mkdtemp(prefix="sioweb-migrated-"))
    atexit.register(rmtree, folder)
    installation = Installation.create(folder, {}, {})
    command = [sys.executable, MANAGE, "migrate", "--verbosity=0"]
    subprocess.run(command, env=installation.environment(), check=True)
    return installation.data_dir


@asynccontextmanager
async def running(
    installation: Installation, exit_code: int = 0, *, port: int = 0, arguments: Sequence[str] = ()
) -> AsyncIterator[Service]:
    """Start the service, end it as an init system does, and look at what it said."""
    service = await installation.start(port, *arguments)
    try:
        yield service
    finally:
        ended_with = await service.stop()
    assert ended_with == exit_code, service.output
    assert not service.failures, "\n".join(service.output)
