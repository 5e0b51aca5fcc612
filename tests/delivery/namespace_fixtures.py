"""Namespaces that admit clients of one socket."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from delivery.connections import Connection
from delivery.namespace import Namespaces
from tests.delivery.server_fixtures import MakeNamespaces
from tests.delivery.socket_fixtures import FakeSocket, Process


@pytest.fixture
def namespaces(make_namespaces: MakeNamespaces) -> Namespaces:
    return make_namespaces()


@pytest.fixture
def socket() -> FakeSocket:
    return FakeSocket()


Admit = Callable[..., Awaitable[Connection]]


@pytest_asyncio.fixture
async def admit(namespaces: Namespaces, socket: FakeSocket, process: Process) -> Admit:
    async def admit(
        namespace: str = "/newsite", query: str = "", auth: Any = None, sid: str = "sid1"
    ) -> Connection:
        given = {"token": "12345"} if auth is None else auth
        await namespaces.admit(
            namespace,
            sid,
            query,
            given,
            find_socket=lambda: socket,
            close_transport=lambda _: None,
        )
        connection = process.switchboard.find(sid)
        assert connection is not None
        return connection

    return admit
