"""What a browser is told of the pages, and when cookies are for TLS only."""

from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from pytest_django import Settings

from sioweb_project.admin_config import AdminConfig, AdminOptions, admin_config

LOGIN = "/admin/login/"


def directives(policy: str) -> dict[str, set[str]]:
    """`{"default-src": {"'self'"}, ...}`."""
    parts = (part.split() for part in policy.split(";"))
    return {name: set(sources) for name, *sources in parts}


@pytest.mark.django_db
def test_no_page_runs_an_inline_script_or_one_from_elsewhere(client: Client) -> None:
    for path in (LOGIN, "/nowhere", "/static/sites/copy.js"):
        policy = directives(client.get(path)["Content-Security-Policy"])
        assert policy["default-src"] == policy["form-action"] == {"'self'"}
        assert policy["base-uri"] == policy["object-src"] == {"'none'"}
        assert policy["frame-ancestors"] == {"'none'"}
        for sources in policy.values():
            assert not any(source.startswith("http") or source == "*" for source in sources)
    scripts = directives(client.get(LOGIN)["Content-Security-Policy"])["script-src"]
    assert scripts == {"'self'", "'unsafe-eval'"}
    assert "script-src" not in directives(client.get("/nowhere")["Content-Security-Policy"])


@pytest.mark.django_db
def test_a_page_says_what_else_it_does_not_want(client: Client) -> None:
    headers = client.get(LOGIN).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers


@pytest.mark.django_db(transaction=True)
async def test_an_asynchronous_view_has_the_same_headers(async_client: AsyncClient) -> None:
    headers = (await async_client.get("/admin/control/live/figures")).headers
    assert "'unsafe-eval'" in headers["Content-Security-Policy"]
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "is_secure"),
    [
        ({}, False),
        ({"x-forwarded-proto": "http"}, False),
        ({"x-forwarded-proto": "https"}, True),
    ],
)
def test_cookies_are_for_tls_where_the_page_came_by_tls(
    headers: dict[str, str], is_secure: bool, client: Client
) -> None:
    User.objects.create_superuser("root", password="long enough")
    client.get(LOGIN, headers=headers)
    client.post(LOGIN, {"username": "root", "password": "long enough"}, headers=headers)
    assert client.cookies.keys() == {"sessionid", "csrftoken"}
    for cookie in client.cookies.values():
        assert bool(cookie["secure"]) == is_secure
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"


@pytest.mark.django_db
def test_login_behind_a_proxy_with_tls_passes_the_check_of_its_origin() -> None:
    client, by_tls = Client(enforce_csrf_checks=True), {"x-forwarded-proto": "https"}
    User.objects.create_superuser("root", password="long enough")
    client.get(LOGIN, headers=by_tls)
    fields = {"username": "root", "password": "long enough"}
    token = {"csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    origin = {"origin": "https://testserver", "host": "testserver"}
    assert client.post(LOGIN, fields | token, headers=origin).status_code == 403
    assert client.post(LOGIN, fields | token, headers=origin | by_tls).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("trusted", "peer", "is_believed"),
    [
        ((), "127.0.0.1", True),
        ((), "::1", True),
        ((), "203.0.113.7", False),
        ((), "10.0.0.1", False),
        (("10.0.0.0/8",), "10.0.0.1", True),
        (("10.0.0.0/8",), "127.0.0.1", False),
    ],
)
def test_only_a_trusted_proxy_is_believed_that_a_page_came_by_tls(
    trusted: tuple[str, ...], peer: str, is_believed: bool, client: Client, settings: Settings
) -> None:
    settings.CONFIG = replace(settings.CONFIG, trusted_proxies=trusted)
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get(LOGIN, REMOTE_ADDR=peer, headers={"x-forwarded-proto": "https"})
    assert answer.status_code == (200 if is_believed else 301)


def test_the_first_who_is_not_believed_is_told_of(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for peer in ("203.0.113.7", "203.0.113.8"):
        client.get("/nowhere", REMOTE_ADDR=peer, headers={"x-forwarded-proto": "https"})
    assert "X-Forwarded-Proto of 203.0.113.7 is not believed: see trusted_proxies" in caplog.text
    assert "203.0.113.8" not in caplog.text


def test_a_host_that_is_none_is_refused_and_no_error_of_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get("/nowhere", headers={"host": "a,b"}).status_code == 400
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


@pytest.mark.django_db
def test_https_only_admin_sends_browsers_there_and_leaves_others_alone(
    client: Client, settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    answer = client.get(LOGIN)
    assert (answer.status_code, answer["Location"]) == (301, f"https://testserver{LOGIN}")
    assert client.get("/healthcheck").status_code == 200
    assert client.get("/nowhere").status_code == 404
    answer = client.get(LOGIN, headers={"x-forwarded-proto": "https"})
    assert answer.status_code == 200
    assert answer["Strict-Transport-Security"] == "max-age=3600"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, AdminConfig()),
        ({"https": False}, AdminConfig()),
        ({"https": True}, AdminConfig(is_https=True, hsts_seconds=31_536_000)),
        ({"https": True, "hsts": 0}, AdminConfig(is_https=True)),
        ({"hsts": 60}, AdminConfig(hsts_seconds=60)),
    ],
)
def test_https_brings_hsts_unless_it_is_told_otherwise(
    options: dict[str, object], expected: AdminConfig
) -> None:
    assert admin_config(AdminOptions.model_validate(options)) == expected
