"""Calls of sites: no denied address is connected to, and certificates are verified."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from pytest_django import Settings
from yarl import URL

from delivery import outgoing
from delivery.counters import Counters
from delivery.exceptions import AuthRefused, AuthUnavailable, UpdateFailed
from delivery.lookups import Lookup
from delivery.outgoing import Place
from delivery.service import build_service
from delivery.site_auth import ADDRESS_DENIED, SiteAuth
from delivery.site_updates import SiteUpdates, Update
from sites.networks import DenyList, read_deny_list
from tests.certificates import make_certificate
from tests.delivery.fake_site import FakeSite
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until
from tests.e2e.waiting import until_taken

CAME = Update("user_1", is_online=True, at_ms=1_800_000_000_000)
LOOPBACK_FORMS = [
    "127.0.0.1",
    "localhost",
    "0x7f000001",
    "0.0.0.0",  # noqa: S104
    "[::1]",
    "[::ffff:127.0.0.1]",
]


@pytest_asyncio.fixture
async def guarded() -> AsyncIterator[SiteAuth]:
    site_auth = SiteAuth(read_deny_list(["private"]), Counters())
    yield site_auth
    site_auth.close()


async def ask(site_auth: SiteAuth, fake_site: FakeSite, url: str) -> tuple[str, ...]:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await site_auth.fetch_rooms(fake_site.snapshot(auth_url=url), "12345", 0.5)


@pytest.mark.parametrize("host", LOOPBACK_FORMS)
async def test_denied_address_is_refused_at_once_in_each_of_its_forms(
    host: str, guarded: SiteAuth, fake_site: FakeSite
) -> None:
    url = fake_site.url.replace("127.0.0.1", host)
    with pytest.raises(AuthRefused, match="denied by this service") as refused:
        await ask(guarded, fake_site, url)
    assert (str(refused.value), refused.value.code) == (ADDRESS_DENIED, None)
    assert fake_site.requests == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0177.0.0.1"])
async def test_form_that_the_client_does_not_take_reaches_nobody_either(
    host: str, guarded: SiteAuth, fake_site: FakeSite
) -> None:
    with pytest.raises((AuthRefused, AuthUnavailable)):
        await ask(guarded, fake_site, fake_site.url.replace("127.0.0.1", host))
    assert fake_site.requests == []


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[64:ff9b::7f00:1]"])
async def test_denied_address_that_leads_elsewhere_is_never_connected_to(
    host: str, guarded: SiteAuth, fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(*_: Any) -> None:
        raise AssertionError("connected")

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)
    with pytest.raises(AuthRefused):
        await ask(guarded, fake_site, f"http://{host}/latest/meta-data")


async def test_name_that_changes_its_address_gains_nothing(
    guarded: SiteAuth, fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the name said when somebody looked, the address that it gives now counts."""

    async def rebound(*_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebound)
    with pytest.raises(AuthRefused):
        await ask(guarded, fake_site, "http://rebind.example.com/rooms")


async def test_by_default_a_site_in_the_own_network_is_asked(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    assert await ask(site_auth, fake_site, fake_site.url) == ("user_1", "staff")


async def test_networks_that_are_not_named_are_asked(fake_site: FakeSite) -> None:
    site_auth = SiteAuth(read_deny_list(["10.0.0.0/8"]), Counters())
    assert await ask(site_auth, fake_site, fake_site.url) == ("user_1", "staff")
    site_auth.close()


async def test_service_denies_what_the_configuration_names(settings: Settings) -> None:
    settings.CONFIG = settings.CONFIG.__class__(auth_url_deny=("private",))
    service, private = build_service(), read_deny_list(["private"])
    assert service.site_auth._client.deny_list == private
    assert service.updates._site_updates._client.deny_list == private


@pytest.mark.parametrize("host", LOOPBACK_FORMS)
async def test_denied_address_is_told_of_no_user_either(host: str, fake_site: FakeSite) -> None:
    site_updates = SiteUpdates(read_deny_list(["private"]))
    url = fake_site.url.replace("127.0.0.1", host)
    with pytest.raises(UpdateFailed, match="auth_url_deny") as failed:
        await site_updates.put(fake_site.snapshot(update_user_url=url), CAME)
    assert failed.value.is_definite
    assert fake_site.requests == []
    site_updates.close()


@pytest_asyncio.fixture
async def self_signed(tmp_path: Path) -> AsyncIterator[str]:
    certificate = await asyncio.to_thread(make_certificate, tmp_path, "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.file, certificate.key)
    server = TestServer(web.Application())
    await server.start_server(ssl=context)
    yield f"https://localhost:{server.port}/rooms"
    await until_taken()
    await server.close()


async def test_certificate_that_nobody_vouches_for_is_refused(
    site_auth: SiteAuth, fake_site: FakeSite, self_signed: str
) -> None:
    with pytest.raises(AuthUnavailable, match=r"certificate of .* is not valid for it"):
        await ask(site_auth, fake_site, self_signed)


class Taken(asyncio.Protocol):
    """A connection whose call is taken back in the moment in which it is there."""

    call: asyncio.Task[Any]
    lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.call.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


async def test_a_call_that_is_taken_back_leaves_the_socket_to_its_transport(
    self_signed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed beneath it, its number is the next connection's, which the transport then stops."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    monkeypatch.setattr(outgoing, "_tls_context", lambda: trusting)
    place, protocol = Place("localhost", URL(self_signed).port or 0, is_tls=True), Taken()
    found = await Lookup("127.0.0.1", place.port).addresses()
    opening = outgoing.open_connection(place, found, DenyList(), lambda: protocol)
    protocol.call = asyncio.create_task(opening)
    with pytest.raises(asyncio.CancelledError):
        await protocol.call
    await until(lambda: protocol.lost)


async def test_a_certificate_bears_a_name_without_the_dot_at_its_end(
    self_signed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    async def connect(*_: Any, server_hostname: str, sock: socket.socket, **__: Any) -> None:
        names.append(server_hostname)
        sock.close()
        raise ssl.SSLError

    found = await Lookup("127.0.0.1", URL(self_signed).port or 0).addresses()
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    place = Place("localhost.", 443, is_tls=True)
    with pytest.raises(ssl.SSLError):
        await outgoing.open_connection(place, found, DenyList(), Taken)
    assert names == ["localhost"]
