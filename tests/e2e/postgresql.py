"""A real PostgreSQL that two processes share, each with a data folder of its own, as machines
have."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.certificates import Certificate, make_certificate
from tests.e2e.control_room import MAKE_ADMIN, ControlRoom
from tests.e2e.installing import new_prefix, redis_url, running, site_entries
from tests.e2e.interpreter import Interpreter, interpreter
from tests.e2e.service import Installation, Service
from tests.e2e.site import FakeSite
from tests.postgresql import PostgreSQL, postgresql

NAMES = ("one", "other")
HOST = "db.internal"  # of the certificate; no name service knows it
SECRET_KEY = "one-for-all-machines-1234567890-abcdefghijklmnop"


@dataclass(frozen=True)
class Pair:
    database: PostgreSQL
    one: Service
    other: Service
    python: Interpreter
    control: ControlRoom  # of `one`

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        return self.database.execute(statement, "shared")


def verified(database: PostgreSQL, authority: Path, host: str = HOST) -> str:
    """The URL by which `shared` is reached if it shows a certificate of `host` that this authority
    vouches for."""
    parameters = f"hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={authority}"
    return f"{database.url('shared', host)}?{parameters}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("authority"), "authority")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(
    authority: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PostgreSQL]:
    with postgresql() as server:
        server.encrypt(make_certificate(tmp_path_factory.mktemp("database"), HOST, by=authority))
        await server.start()
        for name in ("shared", "moved"):
            server.execute(f"CREATE DATABASE {name}")
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(
    database: PostgreSQL,
    authority: Certificate,
    fake_site: FakeSite,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Pair]:
    """Both are started at once on the empty database, where each goes by its own name. `one`
    verifies the database's certificate."""
    config = {"redis": {"url": redis_url(), "prefix": new_prefix()}, "secret_key": SECRET_KEY}
    one, other = (
        Installation.create(
            tmp_path_factory.mktemp("postgresql") / name, site_entries(fake_site), config
        )
        for name in NAMES
    )
    urls = (verified(database, authority.file), f"{database.url('shared')}?")

    def sharing(installation: Installation, url: str, name: str) -> Installation:
        variables = {"SIOWEB_DATABASE_URL": f"{url}&application_name={name}"}
        return replace(installation, variables=variables)

    async with AsyncExitStack() as stack:
        services = map(running, map(sharing, (one, other), urls, NAMES))
        first, second = await asyncio.gather(*map(stack.enter_async_context, services))
        python = await stack.enter_async_context(interpreter(sharing(one, urls[0], "python")))
        await python.run(MAKE_ADMIN)
        control = await stack.enter_async_context(ControlRoom.enter(first))
        yield Pair(database, first, second, python, control)
