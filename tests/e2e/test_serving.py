"""`manage.py serve`: what it says, what it serves with, and what stops it from starting."""

import asyncio
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.events import batch, broadcast
from tests.e2e.installing import OTHER_KEY, install, running, site_entries
from tests.e2e.leaks import assert_no_secrets
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.service import MANAGE, START_SECONDS, Installation, Service
from tests.e2e.site import FakeSite, User

SERVERS = [[], ["--server", "uvicorn"]]

each_server = pytest.mark.parametrize("server", SERVERS, ids=["daphne", "uvicorn"])


@pytest.fixture
def installation(tmp_path: Path, fake_site: FakeSite) -> Installation:
    return install(tmp_path / "service", site_entries(fake_site), {}, is_first_start=True)


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    return fake_site.new_user("everybody")


async def serve(installation: Installation, *arguments: str) -> tuple[int | None, str, str]:
    """Start a service that is to end by itself; return exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, MANAGE, "serve", "--host", "127.0.0.1", *arguments),
        env=installation.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), START_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError("it serves") from None
    assert_no_secrets((output + errors).decode())
    return process.returncode, output.decode(), errors.decode()


async def open_client(
    node: NodeProcess, service: Service, user: User, **options: Any
) -> NodeClient:
    client = node.open(service.namespace(token=user.token), **options)
    await client.next("connect")
    return client


@each_server
async def test_it_says_on_stdout_where_it_listens_and_answers_from_then_on(
    server: Sequence[str], installation: Installation
) -> None:
    async with running(installation, arguments=server) as service:
        [line] = [line for line in service.output if line not in service.errors]
        assert re.fullmatch(r"Listening on http://127\.0\.0\.1:[1-9]\d*", line)
        async with service.http.get("/healthcheck") as response:
            assert (response.status, await response.text()) == (200, "ok")
        async with service.http.get("/readyz") as response:
            assert response.status == 200


@each_server
async def test_messages_are_delivered_whichever_server_runs(
    server: Sequence[str], installation: Installation, node: NodeProcess, user: User
) -> None:
    async with running(installation, arguments=server) as service:
        await service.send(user.room, "early")
        for transports in (["websocket"], ["polling"]):
            client = await open_client(
                node, service, user, transports=transports, withhold_acks=True
            )
            assert await client.event() == batch(["early"])
            await service.send("everybody", "to_all")
            assert await client.event() == broadcast("to_all")
            await client.disconnect()


async def test_unread_messages_survive_a_restart_on_the_same_data_folder(
    installation: Installation, node: NodeProcess, user: User
) -> None:
    async with running(installation) as first:
        client = await open_client(node, first, user, withhold_acks=True)
        await first.send(user.room, "read")
        await first.send(user.room, "unread")
        read, _ = await client.events(2)
        client.ack(read)
        await client.disconnect()
        await first.send(user.room, "missed")
    async with running(installation) as second:
        await second.says('"event":"Sites are up to date."')
        again = await open_client(node, second, user)
        assert await again.event() == batch(["unread"], ["missed"])


@each_server
async def test_the_access_log_on_stderr_shows_no_key_and_no_token(
    server: Sequence[str], installation: Installation, node: NodeProcess, fake_site: FakeSite
) -> None:
    secrets = [token := fake_site.knows("the-token-of-a-client", ["user_logged"])]
    secrets += [OTHER_KEY, "a-wrong-key", "a-bearer-key", "a-header-key"]
    secrets += ["a-password", "a-parameter"]
    async with running(installation, arguments=server) as service:
        for transports in (["websocket"], ["polling"]):
            url = service.namespace("othersite", token=token)
            by_query = node.open(url, transports=transports, query={"token": token})
            await by_query.next("connect")
            by_auth = node.open(
                service.namespace("othersite"), transports=transports, auth={"token": token}
            )
            await by_auth.next("connect")
        await service.send("user_logged", "hello", site="othersite", key=OTHER_KEY)
        wrong = {"site": "othersite", "apiKey": "a-wrong-key", "other": "a-parameter"}
        for headers in (
            {"Authorization": "Bearer a-bearer-key"},
            {"X-Api-Key": "a-header-key"},
            {"Authorization": "Basic a-password"},
        ):
            async with service.http.post("/send", params=wrong, headers=headers) as response:
                assert response.status == 401
    log = [line for line in service.errors if "sioweb.access" in line]
    [call] = [line for line in service.errors if "sent, rooms: 1" in line]
    assert "POST /send?site=othersite&apiKey=*** 200 " in call
    for part in ("POST /send?site=othersite", "WEBSOCKET /socket.io/", "transport=polling"):
        assert [line for line in log if part in line], log
    assert not [line for line in service.output if any(secret in line for secret in secrets)]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"prot": 80}, "production.prot"),
        ({"port": "eighty"}, "production.port"),
        ({"io": {"pingTimeout": "60s"}}, "production.io.pingTimeout"),
        ({"redis": {"hots": "localhost"}}, "production.redis.hots"),
    ],
    ids=["unknown", "wrong-type", "wrong-type-below", "unknown-below"],
)
async def test_a_wrong_config_file_stops_the_start_with_one_line(
    config: dict[str, Any], said: str, installation: Installation
) -> None:
    installation.write_config(config)
    code, output, errors = await serve(installation)
    assert (code, output) == (2, "")
    [line] = errors.splitlines()
    assert line.startswith(f"{installation.config_dir / 'config.yml'}: {said}")


async def test_a_wrong_sites_file_stops_the_start_with_one_line(
    installation: Installation,
) -> None:
    installation.write_sites({"newsite": {"authUrl": "no url", "apiKey": 54321}})
    code, output, errors = await serve(installation)
    assert (code, output) == (2, "")
    assert "Traceback" not in errors
    [line] = [line for line in errors.splitlines() if "sites.yml" in line]
    assert "newsite" in line
    assert "54321" not in errors


@each_server
async def test_a_port_that_is_taken_stops_the_start_with_a_clear_line(
    server: Sequence[str], installation: Installation, service: Service
) -> None:
    code, output, errors = await serve(installation, "--port", str(service.port), *server)
    assert code not in (0, None)
    assert output == ""
    assert "Traceback" not in errors
    [line] = [line for line in errors.splitlines() if "annot listen" in line]
    assert f"Cannot listen on 127.0.0.1:{service.port}: [Errno " in line
    assert f"ss -ltnp 'sport = :{service.port}'" in line


async def test_the_admin_and_its_files_are_served_in_production(service: Service) -> None:
    async with service.http.get("/admin/login/") as response:
        page = await response.text()
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert {"/static/sites/admin.css", "/static/unfold/css/styles.css"} < set(files)
    for file in files:
        async with service.http.get(file) as response:
            assert response.status == 200, file
