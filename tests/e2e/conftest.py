"""What the end-to-end tests share: a running service, a fake site's web server, clients.

All of it lives in one event loop, which lasts as long as the test process. The service
of the fixture `service` is shared by most tests: each makes up users of its own. A test
file that needs another configuration has a fixture of this name itself; a test that
needs one for itself alone calls `run`.
"""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.e2e.installing import install, redis_url, running, site_entries
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User

HERE = Path(__file__).parent

Run = Callable[..., Awaitable[Service]]


class Connect(Protocol):
    async def __call__(
        self, user: User, device: str = "", *, site: str = "newsite", **options: Any
    ) -> NodeClient: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fake_site() -> AsyncIterator[FakeSite]:
    site = await FakeSite.start()
    yield site
    await site.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service") / "shared"
    entries = site_entries(fake_site)
    async with running(install(folder, entries, {}, is_first_start=True)) as service:
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def run(fake_site: FakeSite, tmp_path: Path) -> AsyncIterator[Run]:
    """Start a service of this test's own: `await run(client_ttl=1)`."""
    numbers = itertools.count(1)
    async with AsyncExitStack() as stack:

        async def start(sites: dict[str, Any] | None = None, **config: Any) -> Service:
            folder = tmp_path / f"service-{next(numbers)}"
            installation = install(folder, sites or site_entries(fake_site), config)
            return await stack.enter_async_context(running(installation))

        yield start


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node_process() -> AsyncIterator[NodeProcess]:
    process = await NodeProcess.start()
    yield process
    await process.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def node(node_process: NodeProcess) -> AsyncIterator[NodeProcess]:
    """Clients of this test's own, in the Node process of all tests."""
    yield node_process
    await node_process.close_all()


@pytest.fixture
def connect(node: NodeProcess, service: Service) -> Connect:
    """Connect a stock client as `user`, and wait until it is."""

    async def connect(
        user: User, device: str = "", *, site: str = "newsite", **options: Any
    ) -> NodeClient:
        auth = {"token": user.token} | ({"deviceId": device} if device else {})
        client = node.open(service.namespace(site), auth=auth, **options)
        await client.next("connect")
        return client

    return connect


@pytest_asyncio.fixture(loop_scope="session")
async def redis() -> AsyncIterator["Redis"]:
    async with Redis.from_url(redis_url(), decode_responses=True) as client:
        yield client
