"""The service on a PostgreSQL that two processes share."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.certificates import Certificate, make_certificate
from tests.e2e.conftest import Connect
from tests.e2e.control_room import CONTROL
from tests.e2e.events import stored
from tests.e2e.installing import install
from tests.e2e.moving import move
from tests.e2e.postgresql import HOST, SECRET_KEY, Pair, authority, database, pair, verified
from tests.e2e.service import PROJECT, Service
from tests.e2e.site import FakeSite, User
from tests.e2e.test_serving import serve
from tests.e2e.waiting import until
from tests.postgresql import PostgreSQL
from tests.sites.admin_pages import KEY_ADD, shown_key

__all__ = ["authority", "database", "pair"]

TROUBLESHOOTING = (PROJECT / "docs/troubleshooting.md").read_text()
OF_ANOTHER_HOST = f'server certificate for "{HOST}" does not match host name "db.example.net"'

PAGES = [
    "/admin/",
    "/admin/sites/site/",
    "/admin/sites/site/{site}/change/",
    "/admin/sites/apikey/",
    "/admin/auth/user/",
    "/admin/control/live/",
    "/admin/control/inspector/",
    "/admin/control/sender/",
]
LIVE_VIEWS = 12  # more than there are connections in the pool
POOL_SIZE = 10
ANSWERED = {"redis": "ok", "database": "ok", "backplane": "ok"}


@pytest.fixture
def service(pair: Pair) -> Service:
    return pair.one


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    return fake_site.new_user()


async def readiness(service: Service) -> tuple[int, dict[str, str]]:
    async with service.http.get("/readyz") as response:
        return response.status, await response.json()


async def status_of_send(service: Service) -> int:
    query = {"site": "newsite", "apiKey": "54321"}
    body = {"rooms": "nobody-here", "event": "hello"}
    async with service.http.post("/send", params=query, json=body) as response:
        return response.status


async def both_answer(pair: Pair, status: int) -> None:
    async def do() -> bool:
        statuses = [await status_of_send(each) for each in (pair.one, pair.other)]
        return statuses == [status, status]

    await until(do, f"/send answers {status} in both processes")


async def test_processes_that_start_at_once_on_an_empty_database_fill_it_once(pair: Pair) -> None:
    assert await readiness(pair.one) == await readiness(pair.other) == (200, ANSWERED)
    assert pair.execute("SELECT count(*) FROM sites_site") == [(4,)]
    assert pair.execute("SELECT count(*) FROM sites_apikey WHERE is_from_file") == [(4,)]


async def test_a_message_sent_to_one_process_reaches_a_client_of_the_other(
    pair: Pair, connect: Connect, user: User
) -> None:
    client = await connect(user)
    await pair.other.send(user.room, "hello")
    assert await client.event() == stored("hello")


async def test_the_pages_of_the_admin_work(pair: Pair) -> None:
    [(site,)] = pair.execute("SELECT id FROM sites_site WHERE name = 'newsite'")
    for page in PAGES:
        async with pair.control.http.get(page.format(site=site)) as answer:
            assert (page, answer.status) == (page, 200)
            assert "/login/" not in str(answer.url)


async def test_a_nul_in_a_name_is_no_failure(pair: Pair, connect: Connect, user: User) -> None:
    client = await connect(user, "phone\0")
    await pair.control.act("resync", user.room, "phone\0")
    assert (await client.event()).args == [{"reason": "requested"}]
    last = "SELECT change_message FROM django_admin_log ORDER BY id DESC LIMIT 1"
    assert pair.execute(last) == [(f"Asked {user.room}, device phone\\x00 for a resync",)]
    for page in ("live/", "live/figures", "inspector/look"):
        async with pair.control.http.get(f"{CONTROL}/{page}?site=%00") as answer:
            assert (page, answer.status) == (page, 403)


async def test_a_site_that_is_changed_beside_is_changed_in_both_processes(pair: Pair) -> None:
    await both_answer(pair, 200)
    change = "from sites.models import Site; s = Site.objects.get(name='newsite'); "
    await pair.python.run(f"{change} s.is_enabled = False; s.save()")
    await both_answer(pair, 401)
    await pair.python.run(f"{change} s.is_enabled = True; s.save()")
    await both_answer(pair, 200)


async def test_a_key_that_is_made_in_the_admin_of_one_process_works_in_the_other(
    pair: Pair,
) -> None:
    [(site,)] = pair.execute("SELECT id FROM sites_site WHERE name = 'newsite'")
    form = {"site": str(site), "label": "shop", "csrfmiddlewaretoken": pair.control.token}
    async with pair.control.http.post(KEY_ADD, data=form) as answer:
        key = shown_key(await answer.text())

    async def is_known() -> bool:
        query = {"site": "newsite", "apiKey": key}
        body = {"rooms": "nobody-here", "event": "hello"}
        async with pair.other.http.post("/send", params=query, json=body) as response:
            return response.status == 200

    await until(is_known, "the other process knows the key")


async def test_uses_of_a_key_are_counted_and_an_expired_one_is_refused(pair: Pair) -> None:
    await both_answer(pair, 200)

    async def are_counted() -> bool:
        return pair.execute(
            "SELECT 1 FROM sites_apikey WHERE use_count > 0 AND first_characters = '5'"
        ) == [(1,)]

    await until(are_counted, "uses are written")
    pair.execute("UPDATE sites_apikey SET expires_at = now() WHERE first_characters = '5'")
    await both_answer(pair, 401)
    pair.execute("UPDATE sites_apikey SET expires_at = NULL WHERE first_characters = '5'")
    await both_answer(pair, 200)


async def test_live_views_hold_no_connection_of_the_pool(pair: Pair) -> None:
    async with AsyncExitStack() as stack:
        views = [stack.enter_async_context(pair.control.watch()) for _ in range(LIVE_VIEWS)]
        await asyncio.gather(*map(anext, await asyncio.gather(*views)))
        assert await readiness(pair.one) == (200, ANSWERED)
        held = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'one'"
        [(connections,)] = pair.execute(held)
        assert isinstance(connections, int)
        assert 0 < connections <= POOL_SIZE


async def test_without_the_database_messages_go_on_and_a_new_one_is_found(
    pair: Pair, connect: Connect, user: User
) -> None:
    client = await connect(user)
    pair.database.stop()

    async def is_missed() -> bool:
        return await readiness(pair.one) == (503, ANSWERED | {"database": "unreachable"})

    await until(is_missed, "/readyz says so")
    await pair.one.says("Database out of reach, the sites stay as they are")
    for service in (pair.one, pair.other):
        await service.send(user.room, "hello")
        assert await client.event() == stored("hello")
    newcomer = await connect(user, device="another")
    await pair.other.send(user.room, "hello again")
    assert await newcomer.event() == stored("hello again")
    await pair.database.start()

    async def is_found() -> bool:
        return await readiness(pair.one) == await readiness(pair.other) == (200, ANSWERED)

    await until(is_found, "/readyz says that it is back")
    await pair.one.says("Database answers again")
    pair.execute("UPDATE sites_site SET is_enabled = false WHERE name = 'newsite'")
    await both_answer(pair, 401)
    pair.execute("UPDATE sites_site SET is_enabled = true WHERE name = 'newsite'")
    await both_answer(pair, 200)


async def refused(folder: Path, url: str) -> str:
    """The reason that a start gives before it ends; it does not listen."""
    installation = install(folder / "service", {}, {"database": url})
    code, output, errors = await serve(installation, "--port", "0")
    assert (code, output) == (1, "")
    reason, refusal = errors.splitlines()
    assert refusal.startswith("CommandError: The database cannot be used: ")
    return str(json.loads(reason)["event"])


async def test_a_start_that_the_database_refuses_says_why_in_two_lines(
    database: PostgreSQL, tmp_path: Path
) -> None:
    url = f"postgres://sioweb:a-wrong-password@127.0.0.1:{database.port}/shared"
    reason = await refused(tmp_path, url)
    assert 'password authentication failed for user "sioweb"' in reason
    assert "a-wrong-password" not in reason


async def test_connections_are_encrypted(pair: Pair) -> None:
    looked_up = "SELECT DISTINCT application_name, ssl FROM pg_stat_ssl"
    looked_up += " JOIN pg_stat_activity USING (pid) WHERE application_name IN ('one', 'other')"
    assert sorted(pair.execute(looked_up)) == [("one", True), ("other", True)]


@pytest.mark.parametrize(
    ("host", "name", "problem"),
    [
        ("db.example.net", "authority", OF_ANOTHER_HOST),
        (HOST, "another", "SSL error: certificate verify failed"),
        (HOST, "missing", 'root certificate file "{file}" does not exist'),
    ],
)
async def test_a_database_that_cannot_be_verified_is_not_used(
    host: str,
    name: str,
    problem: str,
    database: PostgreSQL,
    authority: Certificate,
    tmp_path: Path,
) -> None:
    assert f"`{problem.format(file='...')}`" in TROUBLESHOOTING
    files = {
        "authority": authority.file,
        "another": make_certificate(tmp_path, "another").file,
        "missing": tmp_path / "missing.crt",
    }
    reason = await refused(tmp_path, verified(database, files[name], host))
    assert problem.format(file=files[name]) in reason


async def test_what_sqlite_has_moves_over_with_its_keys(pair: Pair, tmp_path: Path) -> None:
    former = install(tmp_path / "former", {}, {"secret_key": SECRET_KEY})
    assert await move(former, tmp_path / "sioweb.json", pair.python) == [
        "shop user_ ['owner'] ['Site owners']",
        "key-of-the-shop 7 True",
        "key-that-ends 0 False",
        "2 sites",
    ]
