"""What the fields of a site accept."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from sites.validators import (
    validate_auth_scheme,
    validate_http_url,
    validate_resolved_url,
    validate_room,
    validate_site_name,
)

Validator = Callable[[str], None]


def is_accepted(validator: Validator, value: str) -> bool:
    try:
        validator(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    "name", ["newsite", "my-site.com", "a_b", "Shop", "a/b", "läden", "日本", "a:1", "54321", "*"]
)
def test_name_that_works_as_a_namespace_is_accepted(name: str) -> None:
    assert is_accepted(validate_site_name, name)


@pytest.mark.parametrize(
    "name", ["/newsite", "/", "a,b", "a?b", "a#b", "a b", " a", "a\n", "a\tb", "a\x00", "a\u200bb"]
)
def test_name_that_breaks_a_namespace_is_refused(name: str) -> None:
    assert not is_accepted(validate_site_name, name)


@pytest.mark.parametrize(
    "url",
    [
        "http://newsite.com/socketrooms",
        "https://newsite.com",
        "http://localhost:3000/x",
        "http://127.0.0.1",
        "http://[::1]:3000/x?a=b#c",
        "http://web:3000/rooms",
        "HTTP://EXAMPLE.COM/",
        "http://läden.de/räume",
        "https://newsite.com/users/:id",
    ],
)
def test_web_address_with_a_host_is_accepted(url: str) -> None:
    assert is_accepted(validate_http_url, url)


@pytest.mark.parametrize(
    "url",
    [
        "newsite.com/socketrooms",
        "//newsite.com",
        "ftp://newsite.com",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://",
        "http:///rooms",
        "http://:3000/x",
        "http://newsite.com:port/",
        "http://newsite.com:99999/",
        "http://newsite.com:0/",
        "http://[::1/x",
        "http://new site.com",
        "http://newsite.com/a\r\nX-Header: 1",
        "http://newsite.com\n",
        " http://newsite.com",
        "http://good.com\\@evil.com/",
        "http://a<b>/",
        "http://user:secret@newsite.com/",
    ],
)
def test_anything_else_is_no_address(url: str) -> None:
    assert not is_accepted(validate_http_url, url)


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "JWT", "X-My.Scheme", "a~b"])
def test_one_http_token_is_a_scheme(scheme: str) -> None:
    assert is_accepted(validate_auth_scheme, scheme)


@pytest.mark.parametrize("scheme", ["Bearer ", "Two Words", "Bearer\r\nX: 1", "a:b", "é", '"a"'])
def test_what_breaks_a_header_is_no_scheme(scheme: str) -> None:
    assert not is_accepted(validate_auth_scheme, scheme)


@pytest.mark.parametrize("room", ["user_", "user 1", "u", "benutzer:ä"])
def test_room_text_is_accepted(room: str) -> None:
    assert is_accepted(validate_room, room)


@pytest.mark.parametrize("room", [" ", "\t", " user_", "user_ ", "user\n1", "user\x00"])
def test_white_space_around_and_control_characters_are_refused_in_rooms(room: str) -> None:
    assert not is_accepted(validate_room, room)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a", "http://2130706433", "http://[::1]:80/", "http://0x7f.1/"]
)
def test_numeric_address_that_is_denied_is_refused(settings: Settings, url: str) -> None:
    validate_http_url(url)
    settings.CONFIG = replace(settings.CONFIG, auth_url_deny=("private",))
    with pytest.raises(ValidationError, match="may not call"):
        validate_http_url(url)
    validate_http_url("http://localhost/")


def test_name_of_a_denied_address_is_refused_where_it_is_entered(settings: Settings) -> None:
    validate_resolved_url("http://localhost/")
    settings.CONFIG = replace(settings.CONFIG, auth_url_deny=("private",))
    with pytest.raises(ValidationError, match="may not call"):
        validate_resolved_url("http://localhost/")
    validate_resolved_url("http://nowhere.invalid/")
    with pytest.raises(ValidationError, match="An http:// or https://"):
        validate_resolved_url("http://[::1")
