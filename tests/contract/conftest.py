"""Whom the suite asks: the server of `--url`, else this service and the stand-in, in turn.

    pytest tests/contract --url http://127.0.0.1:1338 --site newsite --key 54321 \\
        --auth-listen 127.0.0.1:8099

docs/moving-from-node.md says how the site is to be set up for it.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.contract.contract import Contract, Server
from tests.contract.stand_in import stand_in
from tests.e2e.installing import install, running
from tests.e2e.node_client import NodeProcess
from tests.e2e.site import FakeSite

HERE = Path(__file__).parent
SITE, KEY = "contract", "the-key-of-the-contract"
OURS = ("service", "stand-in")
OPTIONS = {
    "--url": "the server to ask; by default this service and a stand-in are started",
    "--site": f"the name of its site (default {SITE})",
    "--key": "the site's API key",
    "--user-room-prefix": "the site's prefix of user rooms (default user_)",
    "--auth-listen": "HOST:PORT where the suite answers the site's authUrl",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("contract", "the server that is to keep the contract")
    for name, text in OPTIONS.items():
        group.addoption(name, help=text)
    group.addoption(
        "--prefixed-events",
        action="store_true",
        help="the site's system events are _batch, _resync and _settings",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        kinds = ("given",) if given(metafunc.config, "--url") else OURS
        metafunc.parametrize("server", kinds, indirect=True, scope="session")


def given(config: pytest.Config, name: str, default: str = "") -> str:
    """Read an option; where this folder is a part of a larger run, none can be given."""
    return str(config.getoption(name, default=None) or default)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def website(pytestconfig: pytest.Config) -> AsyncIterator[FakeSite]:
    """The site's web server, which answers authUrl."""
    host, _, port = given(pytestconfig, "--auth-listen", "127.0.0.1:0").rpartition(":")
    if not (host and port.isdecimal()):
        raise pytest.UsageError("--auth-listen: HOST:PORT is accepted, such as 127.0.0.1:8099")
    site = FakeSite(port=int(port), host=host)
    await site.listen()
    yield site
    await site.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node() -> AsyncIterator[NodeProcess]:
    process = await NodeProcess.start()
    yield process
    await process.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(
    request: pytest.FixtureRequest, website: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    if request.param == "given":
        yield given_server(request.config)
    elif request.param == "stand-in":
        async with stand_in(SITE, KEY, website.url("rooms")) as url:
            yield Server(url, SITE, KEY)
    else:
        entry = {"authUrl": website.url("rooms"), "apiKey": KEY, "userRoomPrefix": "user_"}
        folder = tmp_path_factory.mktemp("contract") / "service"
        async with running(install(folder, {SITE: entry}, {})) as service:
            yield Server(service.url, SITE, KEY)


@pytest_asyncio.fixture(loop_scope="session")
async def contract(server: Server, website: FakeSite, node: NodeProcess) -> AsyncIterator[Contract]:
    async with Contract.with_server(server, website, node) as contract:
        yield contract


def given_server(config: pytest.Config) -> Server:
    if not (given(config, "--key") and given(config, "--auth-listen")):
        raise pytest.UsageError("--url needs --key and --auth-listen as well")
    return Server(
        url=given(config, "--url").rstrip("/"),
        site=given(config, "--site", SITE),
        key=given(config, "--key"),
        user_room_prefix=given(config, "--user-room-prefix", "user_"),
        is_prefixed=config.getoption("--prefixed-events"),
    )
