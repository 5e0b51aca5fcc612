"""What a site is asked, and what becomes of each definite answer."""

import gzip

import orjson
import pytest

from delivery.exceptions import AuthRefused
from delivery.site_auth import MAX_ROOM_LENGTH, MAX_ROOMS, MAX_TOKEN_LENGTH, SiteAuth
from delivery.site_connection import MAX_BODY_BYTES
from tests.delivery.fake_site import FakeSite, Reply, rooms_reply
from tests.delivery.site_auth_fixtures import PATIENCE_SECONDS, TOKEN, fetch


async def refusal(
    site_auth: SiteAuth, fake_site: FakeSite, token: str = TOKEN
) -> tuple[str, int | None]:
    """The text and the code of a definite no, which is asked for once."""
    before = len(fake_site.requests)
    with pytest.raises(AuthRefused) as refused:
        await fetch(site_auth, fake_site, token)
    assert len(fake_site.requests) - before <= 1
    return str(refused.value), refused.value.code


async def test_site_is_asked_with_one_get_and_names_the_rooms(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    assert await fetch(site_auth, fake_site) == ("user_1", "staff")
    [request] = fake_site.requests
    assert (request.method, request.path) == ("GET", "/socketrooms")
    assert request.headers["Accept"] == "application/json"
    assert not request.body_exists


@pytest.mark.parametrize(
    ("scheme", "token", "header"),
    [
        ("Bearer", "12345", "Bearer 12345"),
        ("Token", "a b", "Token a b"),
        ("JWT", "e30.e30.x-y_z==", "JWT e30.e30.x-y_z=="),
        ("Bearer", "grüße", "Bearer grüße"),
        ("Bearer", "%0D%0A", "Bearer %0D%0A"),
        ("Bearer", "x" * 4_000, f"Bearer {'x' * 4_000}"),
    ],
    ids=["bearer", "other scheme", "jwt", "umlauts", "escapes", "long"],
)
async def test_authorization_is_scheme_and_token(
    scheme: str, token: str, header: str, site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    site = fake_site.snapshot(auth_scheme=scheme)
    await site_auth.fetch_rooms(site, token, PATIENCE_SECONDS)
    assert fake_site.headers("Authorization") == [header]


async def test_query_of_the_auth_url_is_kept(site_auth: SiteAuth, fake_site: FakeSite) -> None:
    site = fake_site.snapshot(auth_url=f"{fake_site.url}?format=json&a=%2F")
    await site_auth.fetch_rooms(site, "12345", PATIENCE_SECONDS)
    [request] = fake_site.requests
    assert request.query == {"format": "json", "a": "/"}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a\r\nX-Admin: 1",
        "a\nb",
        "a\rb",
        "\n",
        "12345\n",
        "\x00",
        "a\x00b",
        "\t",
        "\x1b",
        "\x7f",
    ],
)
async def test_token_with_line_breaks_or_control_characters_is_never_sent(
    token: str, site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    assert await refusal(site_auth, fake_site, token) == ("Authentication failed", None)
    assert fake_site.requests == []


async def test_token_longer_than_any_header_is_never_sent(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    token = "x" * (MAX_TOKEN_LENGTH + 1)
    assert await refusal(site_auth, fake_site, token) == ("Authentication failed", None)
    assert fake_site.requests == []


@pytest.mark.parametrize(
    ("reply", "rooms"),
    [
        (rooms_reply(), ()),
        (rooms_reply("b", "a", "b", "c", "a"), ("b", "a", "c")),
        (rooms_reply("grüße", "😀", " "), ("grüße", "😀", " ")),
        (rooms_reply("x" * MAX_ROOM_LENGTH), ("x" * MAX_ROOM_LENGTH,)),
        (Reply(body=b'\xef\xbb\xbf["a"]'), ("a",)),
        (Reply(body=b' [ "a" ]\r\n', headers={"Content-Type": "text/html"}), ("a",)),
        (
            Reply(body=gzip.compress(b'["a"]'), headers={"Content-Encoding": "gzip"}),
            ("a",),
        ),
    ],
    ids=["none", "duplicates", "unicode", "longest name", "mark", "any content type", "gzip"],
)
async def test_rooms_come_in_the_sites_order_each_once(
    reply: Reply, rooms: tuple[str, ...], site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    fake_site.answer(reply)
    assert await fetch(site_auth, fake_site) == rooms


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [b"", b'["user_1"]', b"<h1>No</h1>"])
async def test_token_that_the_site_refuses_has_failed(
    status: int, body: bytes, site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    fake_site.answer(Reply(status, body))
    assert await refusal(site_auth, fake_site) == ("Authentication failed", status)


@pytest.mark.parametrize("status", [201, 204, 206, 301, 302, 304, 307, 400, 404, 418, 429])
async def test_other_definite_answers_are_named_by_their_status(
    status: int, site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    fake_site.answer(Reply(status, headers={"Location": "/elsewhere"}), rooms_reply("leaked"))
    assert await refusal(site_auth, fake_site) == (f"Auth {status} error", status)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "no JSON"),
        (b"<html>", "no JSON"),
        (b'["a"', "no JSON"),
        (b"['a']", "no JSON"),
        (b'["\xff"]', "no JSON"),
        (b"[NaN]", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"{}", "a JSON object"),
        (b"null", "a JSON null"),
        (b"true", "a JSON boolean"),
        (b"7", "a JSON number"),
        (b"7.5", "a JSON number"),
        (b'"user_1"', "a JSON string"),
        (b'["a",7]', "a list with a JSON number"),
        (b'["a",null]', "a list with a JSON null"),
        (b'[["a"]]', "a list with a JSON list"),
        (b'[{"room":"a"}]', "a list with a JSON object"),
        (b"[false]", "a list with a JSON boolean"),
        (b'["a",""]', "a room name of 0 characters"),
        (orjson.dumps(["x" * 257]), "a room name of 257 characters"),
        (orjson.dumps(["a"] * (MAX_ROOMS + 1)), "more than 10000 rooms"),
        (b'["' + b"x" * MAX_BODY_BYTES + b'"]', "more than 1 MiB"),
        (b'["a"]' + b" " * MAX_BODY_BYTES, "more than 1 MiB"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_answer_that_is_no_list_of_rooms_is_refused_and_described(
    body: bytes, problem: str, site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    fake_site.answer(Reply(body=body))
    text = f"Auth error: expected a JSON list of room names, got {problem}"
    assert await refusal(site_auth, fake_site) == (text, 200)


async def test_answer_of_the_greatest_size_passes(site_auth: SiteAuth, fake_site: FakeSite) -> None:
    fake_site.answer(rooms_reply(*map(str, range(MAX_ROOMS))))
    assert len(await fetch(site_auth, fake_site)) == MAX_ROOMS
    fake_site.answer(Reply(body=b'["a"]'.ljust(MAX_BODY_BYTES)))
    assert await fetch(site_auth, fake_site) == ("a",)


async def test_small_answer_that_unpacks_to_a_large_one_is_too_large(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    bomb = gzip.compress(b"[" + b" " * 16 * MAX_BODY_BYTES + b"]")
    fake_site.answer(Reply(body=bomb, headers={"Content-Encoding": "gzip"}))
    text, _ = await refusal(site_auth, fake_site)
    assert text.endswith("got more than 1 MiB")


async def test_cookies_of_one_bearer_are_not_sent_for_another(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    reply = rooms_reply("user_1")
    reply.headers = {"Set-Cookie": "session=of-user-1; Path=/"}
    fake_site.answer(reply)
    # By name: the client keeps no cookies of bare addresses in any case.
    site = fake_site.snapshot(auth_url=fake_site.url.replace("127.0.0.1", "localhost"))
    for token in ("1", "2", "1"):
        await site_auth.fetch_rooms(site, token, PATIENCE_SECONDS)
    assert fake_site.headers("Cookie") == [None, None, None]


async def test_redirect_is_not_followed_with_the_token(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    fake_site.answer(Reply(302, headers={"Location": fake_site.url + "/elsewhere"}), rooms_reply())
    assert await refusal(site_auth, fake_site) == ("Auth 302 error", 302)
    assert [request.path for request in fake_site.requests] == ["/socketrooms"]
