"""Trying a token on a site's authUrl: what a client would meet, and that no token is left."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import serializers
from django.test import AsyncClient
from django.urls import reverse

from delivery.namespace import Namespaces
from delivery.site_auth import MAX_TOKEN_LENGTH, SiteAuth
from sioweb_project.control import auth_check, auth_check_page
from sioweb_project.control.auth_check import AuthCheck, Outcome, check
from sites.models import Site
from sites.networks import read_deny_list
from tests.delivery.fake_site import FakeSite, Reply, fake_site, rooms_reply
from tests.delivery.server_fixtures import Sites, site_auth, sites

__all__ = ["fake_site", "site_auth", "sites"]
TOKEN = "a-token-that-stays-secret"


@pytest.fixture
def clients(sites: Sites, site_auth: SiteAuth) -> Namespaces:
    nothing: Any = None  # no socket ever joins
    return Namespaces(
        sites.registry,
        site_auth,
        nothing,
        nothing,
        nothing,
        nothing,
        connect_timeout_seconds=60,
        client_ttl_seconds=60,
    )


def newsite(fake_site: FakeSite, **fields: Any) -> Site:
    known = {"name": "newsite", "auth_url": fake_site.url, "user_room_prefix": "user_"}
    return Site(**known | fields)


async def answered(clients: Namespaces, fake_site: FakeSite, *replies: Reply) -> AuthCheck:
    fake_site.answer(*replies)
    return await check(clients, newsite(fake_site), TOKEN)


async def test_it_tells_the_rooms_and_which_belong_to_a_user(
    clients: Namespaces, fake_site: FakeSite
) -> None:
    result = await answered(clients, fake_site, rooms_reply("staff", "user_1", "all"))
    assert (result.outcome, result.status) == (Outcome.ALLOWED, 200)
    assert result.user_rooms == ("user_1",)
    assert result.other_rooms == ("staff", "all")
    assert list(fake_site.headers("Authorization")) == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize(
    ("rooms", "hint"),
    [
        ([], "in no room"),
        (["staff"], 'No room starts with "user_"'),
        (["user_1"], ""),
    ],
)
async def test_it_warns_of_rooms_that_keep_nothing(
    rooms: list[str], hint: str, clients: Namespaces, fake_site: FakeSite
) -> None:
    result = await answered(clients, fake_site, rooms_reply(*rooms))
    assert hint in result.hint
    assert bool(result.hint) == bool(hint)


@pytest.mark.parametrize(
    ("reply", "text", "hint"),
    [
        (Reply(401), "Authentication failed", 'asked with "Authorization: Bearer ..."'),
        (Reply(403), "Authentication failed", "does not know this token"),
        (Reply(302), "Auth 302 error", "Redirects are not followed"),
        (Reply(404), "Auth 404 error", "Is the path right?"),
        (Reply(418), "Auth 418 error", "has to answer 200"),
        (Reply(200, b"<html>"), "got no JSON", "a list of room names"),
        (Reply(200, b'{"rooms": []}'), "got a JSON object", "a list of room names"),
        (rooms_reply("user_1", 7), "got a list with a JSON number", "a list of room names"),
    ],
)
async def test_a_refusal_says_what_the_client_is_told_and_why(
    reply: Reply, text: str, hint: str, clients: Namespaces, fake_site: FakeSite
) -> None:
    result = await answered(clients, fake_site, reply)
    assert (result.outcome, result.status) == (Outcome.REFUSED, reply.status)
    assert text in result.text
    assert hint in result.hint


@pytest.mark.parametrize("token", ["", "two\nlines", "x" * (MAX_TOKEN_LENGTH + 1)])
async def test_a_token_that_cannot_be_sent_is_refused_without_asking(
    token: str, clients: Namespaces, fake_site: FakeSite
) -> None:
    result = await check(clients, newsite(fake_site), token)
    assert (result.outcome, result.status) == (Outcome.REFUSED, None)
    assert result.text == "Authentication failed"
    assert "was not asked" in result.hint
    assert fake_site.requests == []


async def test_a_site_that_fails_is_told_with_its_status(
    clients: Namespaces, fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_check, "TIMEOUT_SECONDS", 0.5)
    result = await answered(clients, fake_site, Reply(500))
    assert (result.outcome, result.status) == (Outcome.UNAVAILABLE, 500)
    assert "The site answered 500" in result.text
    assert "keeps trying" in result.hint
    assert "Is the address right" not in result.hint


async def test_a_site_that_is_not_there_is_told_with_the_reason(
    clients: Namespaces, fake_site: FakeSite, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_check, "TIMEOUT_SECONDS", 0.5)
    sites.change("newsite", auth_url="http://127.0.0.1:1/rooms")
    result = await check(clients, newsite(fake_site), TOKEN)
    assert (result.outcome, result.status) == (Outcome.UNAVAILABLE, None)
    assert "Nothing listens at 127.0.0.1:1" in result.text
    assert "Error" not in result.text
    assert "Is the address right" in result.hint


async def test_a_denied_address_is_told_as_such(
    sites: Sites, fake_site: FakeSite, clients: Namespaces, site_auth: SiteAuth
) -> None:
    site_auth._client.deny_list = read_deny_list(["private"])
    result = await check(clients, newsite(fake_site), TOKEN)
    assert (result.outcome, result.status) == (Outcome.REFUSED, None)
    assert "is denied by this service" in result.text
    assert "auth_url_deny" in result.hint
    assert fake_site.requests == []


async def test_a_disabled_site_refuses_everyone(
    clients: Namespaces, fake_site: FakeSite, sites: Sites
) -> None:
    sites.remove("newsite")
    result = await check(clients, newsite(fake_site, is_enabled=False), TOKEN)
    assert (result.outcome, result.text) == (Outcome.REFUSED, "Invalid namespace")
    assert "is disabled" in result.hint


@pytest.fixture
def stored(
    transactional_db: None,
    fake_site: FakeSite,
    clients: Namespaces,
    monkeypatch: pytest.MonkeyPatch,
) -> Site:
    monkeypatch.setattr(auth_check_page, "service", lambda: SimpleNamespace(clients=clients))
    return newsite(fake_site)


async def log_in(client: AsyncClient, user: User) -> None:
    await client.aforce_login(user)


async def test_the_page_shows_the_rooms_and_keeps_no_token(
    stored: Site, async_client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await stored.asave()
    await log_in(async_client, await User.objects.acreate_superuser("root"))
    path = reverse("auth_check", args=[stored.pk])
    assert 'name="token"' in (await async_client.get(path)).content.decode()
    response = await async_client.post(path, {"token": TOKEN})
    page = response.content.decode()
    assert "The client is let in" in page
    assert '<li class="one-time">user_1</li>' in page
    assert "no-store" in response["Cache-Control"]
    rows = [serializers.serialize("json", [row async for row in LogEntry.objects.all()])]
    for text in (page, caplog.text, str(async_client.cookies), *rows):
        assert TOKEN not in text


async def test_the_page_is_for_those_who_may_change_the_site(
    stored: Site, async_client: AsyncClient, fake_site: FakeSite
) -> None:
    await stored.asave()
    path = reverse("auth_check", args=[stored.pk])
    assert (await async_client.post(path, {"token": TOKEN})).status_code == 302
    staff = await User.objects.acreate_user("staff", is_staff=True)
    await log_in(async_client, staff)
    assert (await async_client.post(path, {"token": TOKEN})).status_code == 404
    await stored.owners.aadd(staff)
    assert (await async_client.post(path, {"token": TOKEN})).status_code == 403
    assert fake_site.requests == []
    await staff.user_permissions.aadd(await Permission.objects.aget(codename="change_site"))
    assert (await async_client.post(path, {"token": TOKEN})).status_code == 200
    assert len(fake_site.requests) == 1
