"""Faults of a site's web server, each of which the doctor finds."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from pytest_django import Settings

from sioweb_project.doctor import auth_urls
from sioweb_project.doctor.findings import Finding, Level
from sites.snapshots import SiteSnapshot
from tests.e2e.waiting import until_taken
from tests.redis_process import free_port
from tests.sioweb_project.doctor import certificates
from tests.sioweb_project.doctor.saying import is_well, only, says

SUBJECT = "authUrl of shop"
ANSWERS = {
    "/good": web.Response(status=401),
    "/anybody": web.Response(text='["user_1"]'),
    "/missing": web.Response(status=404),
    "/broken": web.Response(status=502),
    "/login": web.Response(status=302, headers={"Location": "/login-page"}),
    "/put-only": web.Response(status=405),
    "/odd": web.Response(status=418),
}

Serve = Callable[..., Awaitable[str]]


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Serve]:
    """`await serve()`: a site's web server; with a context it speaks TLS. Returns its base URL."""
    async with AsyncExitStack() as stack:

        async def serve(context: ssl.SSLContext | None = None) -> str:
            runner = web.ServerRunner(web.Server(_answer), access_log=None, shutdown_timeout=0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, certificates.HOST, 0, ssl_context=context).start()
            scheme = "http" if context is None else "https"
            return f"{scheme}://{certificates.HOST}:{runner.addresses[0][1]}"

        yield serve
        await until_taken()


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    assert request.headers["Authorization"].startswith("Bearer made-up-by-doctor-")
    if request.path == "/ahead":
        return web.Response(status=401, headers={"Date": formatdate(time.time() + 600)})
    answer = ANSWERS[request.path]
    return web.Response(status=answer.status, text=answer.text, headers=answer.headers)


@pytest_asyncio.fixture
async def silent_url() -> AsyncIterator[str]:
    """A web server that takes connections and says nothing."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, certificates.HOST, 0)
    async with server:
        yield f"http://{certificates.HOST}:{server.sockets[0].getsockname()[1]}/"
        await until_taken()


async def examine(url: str, update_user_url: str = "") -> list[Finding]:
    site = SiteSnapshot("shop", url, update_user_url=update_user_url)
    return await auth_urls.examine_sites([site])


async def finding(url: str) -> Finding:
    return only(await examine(url), SUBJECT)


async def test_a_site_that_refuses_a_made_up_token_is_well(serve: Serve) -> None:
    base = await serve()
    is_well(await examine(f"{base}/good", update_user_url=f"{base}/users/:id"))


@pytest.mark.parametrize(
    ("path", "text", "mend"),
    [
        ("anybody", "anybody may connect as anybody", "answer 401 to a token that it does not"),
        ("missing", "answers 404", "correct the path"),
        ("broken", "answers 502", "Read the site's own log"),
        ("login", "answers 302", "Enter the final address"),
        ("put-only", "answers 405", "GET"),
        ("odd", "answers 418", "It has to answer 401"),
    ],
)
async def test_a_wrong_answer_is_found(serve: Serve, path: str, text: str, mend: str) -> None:
    says(await finding(f"{await serve()}/{path}"), Level.FAIL, text, mend)


async def test_a_clock_that_is_ahead_is_found(serve: Serve) -> None:
    found = only(await examine(f"{await serve()}/ahead"), "clock")
    says(found, Level.FAIL, "s ahead of this machine's", "timedatectl set-ntp true")


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b"])
async def test_a_name_that_leads_nowhere_is_found_and_the_url_not_shown(name: str) -> None:
    found = await finding(f"http://{name}/rooms?secret=hunter2")
    says(found, Level.FAIL, f"{name} is no name", f"getent hosts {name}")
    assert "hunter2" not in f"{found}"


async def test_a_port_that_nobody_listens_on_is_found() -> None:
    found = await finding(f"http://{certificates.HOST}:{free_port()}/")
    says(found, Level.FAIL, "cannot be connected to", "Is its web server running?")


async def test_a_web_server_that_says_nothing_is_given_up(
    silent_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_urls, "CALL_SECONDS", 0.3)
    says(await finding(silent_url), Level.FAIL, "does not answer", "Read the log")


async def test_whom_there_was_no_time_for_is_told(
    silent_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_urls, "ALL_SECONDS", 0.3)
    says(await finding(silent_url), Level.WARN, "was not looked at", "again")


async def test_an_expired_certificate_is_found(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = await serve(certificates.make(tmp_path / "old.pem", -1))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "old.pem"))
    found = await finding(f"{base}/good")
    says(found, Level.FAIL, "certificate has expired", "certbot renew")


async def test_a_certificate_of_nobody_is_found(serve: Serve, tmp_path: Path) -> None:
    found = await finding(f"{await serve(certificates.make(tmp_path / 'own.pem', 90))}/good")
    says(found, Level.FAIL, "self-signed certificate", "SSL_CERT_FILE")


async def test_a_certificate_that_ends_soon_is_found(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = await serve(certificates.make(tmp_path / "soon.pem", 10))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "soon.pem"))
    url = f"{base}/users/:id"
    found = only(await examine(f"{base}/good", update_user_url=url), "updateUserUrl of shop")
    says(found, Level.WARN, "ends in 10 days", "certbot renew")


async def test_https_where_there_is_none_is_found(serve: Serve) -> None:
    url = (await serve()).replace("http:", "https:")
    says(await finding(f"{url}/good"), Level.FAIL, "does not speak TLS", "Else enter http://")


async def test_a_denied_address_is_found_and_not_connected_to(
    serve: Serve, settings: Settings
) -> None:
    settings.CONFIG = replace(settings.CONFIG, auth_url_deny=("private",))
    says(await finding(f"{await serve()}/good"), Level.FAIL, "auth_url_deny denies", "config.yml")
