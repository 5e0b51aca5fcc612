"""`config/deploy/nginx.conf`: the site that production puts in front of two processes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from io import BytesIO

import pytest
import pytest_asyncio
from aiohttp import ClientSession, TCPConnector

from tests.certificates import trusting
from tests.e2e.deployed_site import DeployedSite, deployed_site
from tests.e2e.events import stored
from tests.e2e.installing import install, running, site_entries
from tests.e2e.leaks import keep_secret
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.sending import deliver, post
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until
from tests.redis_process import free_port

CLIENTS = 8  # by least_conn four of them at each process
FAILED_KEYS = 3
ANOTHER_ADDRESS = "127.0.0.2"  # of this machine, as the client's


@dataclass(frozen=True)
class Deployment:
    site: DeployedSite
    services: list[Service]
    ports: tuple[int, int]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deployment(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployed")
    config = {
        "trusted_proxies": ["127.0.0.1"],
        "admin": {"https": True},
        "limits": {"failed_keys": FAILED_KEYS},
    }
    installation = install(folder / "service", site_entries(fake_site), config)
    ports = (free_port(), free_port())
    async with AsyncExitStack() as stack:
        services = [
            await stack.enter_async_context(
                running(installation, port=port, arguments=["--sid-prefix", f"{port}-"])
            )
            for port in ports
        ]
        site = await stack.enter_async_context(deployed_site(folder / "nginx", ports))
        yield Deployment(site, services, ports)


@pytest.fixture
def site(deployment: Deployment) -> DeployedSite:
    return deployment.site


@pytest_asyncio.fixture(loop_scope="session")
async def http(site: DeployedSite) -> AsyncIterator[ClientSession]:
    async with session(site) as http:
        yield http


def session(site: DeployedSite, address: str = "127.0.0.1") -> ClientSession:
    connector = TCPConnector(ssl=trusting(site.certificate.file), local_addr=(address, 0))
    return ClientSession(site.url, connector=connector)


def open_client(
    node: NodeProcess, site: DeployedSite, user: User, transports: list[str]
) -> NodeClient:
    ca = site.certificate.file.read_text()
    return node.open(
        f"{site.url}/newsite",
        auth={"token": user.token},
        transports=transports,
        ca=ca,
        rejectUnauthorized=False,
    )


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]])
async def test_clients_of_both_processes_get_their_messages(
    transports: list[str],
    deployment: Deployment,
    http: ClientSession,
    node: NodeProcess,
    fake_site: FakeSite,
) -> None:
    before = len(deployment.site.access_log)
    users = [fake_site.new_user() for _ in range(CLIENTS)]
    clients = [open_client(node, deployment.site, user, transports) for user in users]
    for client in clients:
        await client.next("connect")
    for number in range(3):
        for user in users:
            assert (await post(http, user.room, "n", number)).status == 200
    for client in clients:
        assert await client.events(3) == [stored("n", number) for number in range(3)]
        assert not client.has_heard("disconnect")
        await client.disconnect()
    if transports == ["polling"]:
        polls = [line for line in deployment.site.access_log[before:] if "/socket.io/" in line]
        assert all('HTTP/1.1" 200 ' in line for line in polls), polls
        assert all(any(f"127.0.0.1:{port}" in line for line in polls) for port in deployment.ports)


async def test_only_what_is_public_is_reached(site: DeployedSite, http: ClientSession) -> None:
    for path in ("/metrics", "/metrics/", "/readyz", "/", "/demo/", "/send/batch/more", "/x"):
        async with http.get(path) as response:
            assert (path, response.status) == (path, 404)
    async with http.get("/healthcheck") as response:
        assert await response.text() == "ok"
    async with http.get(f"{site.plain_url}/admin/", allow_redirects=False) as response:
        assert response.status == 301
        assert response.headers["Location"] == "https://push.example.org/admin/"
    for path in ("/send", "/send/batch", "/messages/1", "/presence", "/disconnect"):
        async with http.post(f"{site.plain_url}{path}", data=b"{}") as response:
            assert response.status == 403


async def test_the_admin_comes_by_tls_with_each_header_once(http: ClientSession) -> None:
    async with http.get("/admin/login/") as response:
        assert response.status == 200
        names = ["Strict-Transport-Security", "X-Frame-Options", "X-Content-Type-Options"]
        names += ["Content-Security-Policy", "Referrer-Policy", "Permissions-Policy"]
        assert {name: len(response.headers.getall(name)) for name in names} == dict.fromkeys(
            names, 1
        )
        assert "Secure" in response.headers["Set-Cookie"]


async def test_a_body_that_is_too_large_is_refused_as_the_service_would(
    http: ClientSession,
) -> None:
    answers = []
    for size in (1_048_577, 1_048_576):
        body = b'"' + b"a" * (size - 2) + b'"'
        headers = {"X-Api-Key": "54321", "Content-Type": "application/json"}
        data = BytesIO(body)
        async with http.post("/send?site=newsite", data=data, headers=headers) as response:
            answers.append((response.status, (await response.json())["error"]["code"]))
    assert answers == [(413, "body_too_large"), (400, "malformed_json")]


async def test_limits_count_the_real_address_whatever_a_client_says(
    deployment: Deployment,
) -> None:
    async with session(deployment.site, ANOTHER_ADDRESS) as guesser:
        statuses = []
        for number in range(2 * FAILED_KEYS + 4):
            query = {"site": "othersite", "apiKey": f"guess-{number}"}
            headers = {"X-Forwarded-For": f"203.0.113.{number}"}
            async with guesser.post("/send", params=query, headers=headers) as response:
                statuses.append(response.status)
    assert 429 in statuses, statuses
    log = [line for service in deployment.services for line in service.errors]
    assert any(f'"client":"{ANOTHER_ADDRESS}"' in line for line in log)
    assert not any("203.0.113." in line for line in log)


async def test_senders_notice_nothing_of_a_process_that_is_away(
    deployment: Deployment, node: NodeProcess, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    folder = deployment.site.folder.with_name("half")
    async with (
        deployed_site(folder, (deployment.ports[0], free_port())) as half,
        session(half) as http,
    ):
        client = open_client(node, half, user, ["polling"])
        await client.next("connect")
        for number in range(10):
            statuses = await deliver(http, user.room, "n", number, key=f"{user.token}-{number}")
            assert dict(statuses) == {200: 1}
        assert await client.events(10) == [stored("n", number) for number in range(10)]
        await assert_logs_no_secret(half, [user.token])


async def test_a_poll_of_a_process_that_is_gone_is_answered_by_the_other(
    deployment: Deployment,
) -> None:
    gone = free_port()
    folder = deployment.site.folder.with_name("gone")
    async with (
        deployed_site(folder, (deployment.ports[0], gone)) as site,
        session(site) as http,
        http.get(f"/socket.io/?EIO=4&transport=polling&sid={gone}-x") as response,
    ):
        assert response.status == 400
        assert "Invalid session" in await response.text()


async def test_senders_are_told_to_try_again_when_all_are_away(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("away") / "nginx"
    key = "the-key-of-a-sender"
    keep_secret(key)
    async with (
        deployed_site(folder, (free_port(), free_port())) as site,
        session(site) as http,
        http.post("/send", params={"site": "newsite", "apiKey": key}) as response,
    ):
        assert response.status == 503
        assert response.headers["Retry-After"] == "1"
        assert (await response.json())["error"]["code"] == "unavailable"
        await assert_logs_no_secret(site, [key])


async def assert_logs_no_secret(site: DeployedSite, secrets: list[str]) -> None:
    async def is_logged() -> bool:
        return any('"POST /send HTTP/1.1"' in line for line in site.access_log)

    await until(is_logged, "nginx has logged what it has answered")
    assert not [secret for secret in [*secrets, "54321", "apiKey"] if secret in site.logs]
