"""What a site is asked, and what becomes of each answer."""

import asyncio
import gzip
import logging
from collections.abc import Iterator

import orjson
import pytest
from aiohttp.test_utils import unused_port

from delivery import site_auth as site_auth_module
from delivery.exceptions import AuthRefused, AuthUnavailable
from delivery.site_auth import (
    CALLS_PER_SITE,
    FIRST_RETRY_SECONDS,
    LONGEST_RETRY_SECONDS,
    MAX_ANSWER_BYTES,
    MAX_ROOM_LENGTH,
    MAX_ROOMS,
    MAX_TOKEN_LENGTH,
    SiteAuth,
)
from tests.delivery.fake_site import FakeSite, Reply, rooms_reply
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until

TOKEN = "12345"
PATIENCE_SECONDS = 60.0
FAILING = Reply(500)


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between calls, which nobody waits for."""
    delays: list[float] = []

    async def note(seconds: float) -> None:
        delays.append(seconds)

    monkeypatch.setattr(site_auth_module, "sleep", note)
    return delays


async def fetch(site_auth: SiteAuth, fake_site: FakeSite, token: str = TOKEN) -> tuple[str, ...]:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await site_auth.fetch_rooms(fake_site.snapshot(), token, PATIENCE_SECONDS)


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
        (Reply(body=b' [ "a" ]\r\n', headers={"Content-Type": "text/html"}), ("a",)),
        (
            Reply(body=gzip.compress(b'["a"]'), headers={"Content-Encoding": "gzip"}),
            ("a",),
        ),
    ],
    ids=["none", "duplicates", "unicode", "longest name", "any content type", "gzip"],
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
        (b'["' + b"x" * MAX_ANSWER_BYTES + b'"]', "more than 1 MiB"),
        (b'["a"]' + b" " * MAX_ANSWER_BYTES, "more than 1 MiB"),
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
    fake_site.answer(Reply(body=b'["a"]'.ljust(MAX_ANSWER_BYTES)))
    assert await fetch(site_auth, fake_site) == ("a",)


async def test_small_answer_that_unpacks_to_a_large_one_is_too_large(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    bomb = gzip.compress(b"[" + b" " * 16 * MAX_ANSWER_BYTES + b"]")
    fake_site.answer(Reply(body=bomb, headers={"Content-Encoding": "gzip"}))
    text, _ = await refusal(site_auth, fake_site)
    assert text.endswith("got more than 1 MiB")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
async def test_site_that_fails_is_asked_again_until_it_answers(
    status: int,
    site_auth: SiteAuth,
    fake_site: FakeSite,
    delays: list[float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake_site.answer(Reply(status, b'["leaked"]'), Reply(status), rooms_reply("staff"))
    assert await fetch(site_auth, fake_site) == ("staff",)
    assert fake_site.headers("Authorization") == ["Bearer 12345"] * 3
    assert len(delays) == 2
    assert capsys.readouterr().out == ""


async def test_definite_no_after_a_failure_ends_the_asking(
    site_auth: SiteAuth, fake_site: FakeSite, delays: list[float]
) -> None:
    fake_site.answer(FAILING, Reply(401), rooms_reply("leaked"))
    with pytest.raises(AuthRefused):
        await fetch(site_auth, fake_site)
    assert len(fake_site.requests) == 2


async def test_pauses_grow_from_a_first_to_a_longest_with_jitter(
    site_auth: SiteAuth, fake_site: FakeSite, delays: list[float]
) -> None:
    fake_site.answer(*[FAILING] * 8, rooms_reply())
    await fetch(site_auth, fake_site)
    least = [min(FIRST_RETRY_SECONDS * 2**number, LONGEST_RETRY_SECONDS) for number in range(8)]
    most = [min(delay + 1, LONGEST_RETRY_SECONDS) for delay in least]
    assert all(a <= b <= c for a, b, c in zip(least, delays, most, strict=True))
    assert delays[-1] == LONGEST_RETRY_SECONDS
    assert delays[:3] != least[:3]


async def test_site_that_goes_on_failing_is_given_up_at_the_limit(
    site_auth: SiteAuth, fake_site: FakeSite, delays: list[float]
) -> None:
    fake_site.answer(FAILING)
    with pytest.raises(AuthUnavailable):
        await site_auth.fetch_rooms(fake_site.snapshot(), "12345", timeout_seconds=0.5)
    assert len(fake_site.requests) > 1


async def test_pause_does_not_outlast_the_limit(
    site_auth: SiteAuth, fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FIRST_RETRY_SECONDS", "LONGEST_RETRY_SECONDS"):
        monkeypatch.setattr(site_auth_module, name, 2 * TIMEOUT_SECONDS)
    fake_site.answer(FAILING)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        told = r"No answer within 0\.5 s; before that: The site answered 5\d\d"
        with pytest.raises(AuthUnavailable, match=told) as caught:
            await site_auth.fetch_rooms(fake_site.snapshot(), "12345", timeout_seconds=0.5)
    assert caught.value.code == FAILING.status


async def test_site_that_hangs_is_given_up_at_the_limit(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    fake_site.answer(Reply(released=asyncio.Event()))
    with pytest.raises(AuthUnavailable, match=r"No answer within 0\.01 s"):
        await site_auth.fetch_rooms(fake_site.snapshot(), "12345", timeout_seconds=0.01)


async def test_one_call_that_hangs_is_dropped_and_the_site_asked_again(
    site_auth: SiteAuth, fake_site: FakeSite, delays: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_auth_module, "CALL_TIMEOUT_SECONDS", 0.2)
    hanging = asyncio.Event()
    fake_site.answer(Reply(released=hanging), rooms_reply("staff"))
    assert await fetch(site_auth, fake_site) == ("staff",)
    assert len(fake_site.requests) == 2
    hanging.set()


async def test_site_out_of_reach_is_asked_again_until_it_is_there(
    site_auth: SiteAuth, fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = fake_site.snapshot(auth_url=f"http://127.0.0.1:{unused_port()}/")
    ports: Iterator[str] = iter([site.auth_url, site.auth_url, fake_site.url])

    async def move(_: float) -> None:
        object.__setattr__(site, "auth_url", next(ports))

    monkeypatch.setattr(site_auth_module, "sleep", move)
    assert await site_auth.fetch_rooms(site, "12345", PATIENCE_SECONDS) == ("user_1", "staff")
    assert next(ports, None) is None


async def test_answer_cut_short_is_no_answer(
    site_auth: SiteAuth, fake_site: FakeSite, delays: list[float]
) -> None:
    broken = Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"})
    fake_site.answer(broken, rooms_reply("staff"))
    assert await fetch(site_auth, fake_site) == ("staff",)


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


async def test_token_is_in_no_log_and_in_no_error(
    site_auth: SiteAuth, fake_site: FakeSite, delays: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake_site.answer(FAILING, Reply(body=b"{}"))
    text, _ = await refusal_after_retry(site_auth, fake_site)
    assert "authUrl of newsite answered 500" in caplog.text
    assert "authUrl of newsite answered a JSON object" in caplog.text
    assert "very-secret" not in caplog.text + text


async def refusal_after_retry(site_auth: SiteAuth, fake_site: FakeSite) -> tuple[str, int | None]:
    with pytest.raises(AuthRefused) as refused:
        await fetch(site_auth, fake_site, "very-secret")
    return str(refused.value), refused.value.code


async def test_many_bearers_are_asked_about_at_once(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    reply = rooms_reply("staff")
    reply.released = asyncio.Event()
    fake_site.answer(reply)
    calls = [asyncio.create_task(fetch(site_auth, fake_site, f"t{n}")) for n in range(20)]
    await until(lambda: len(fake_site.requests) == 20)
    reply.released.set()
    assert await asyncio.gather(*calls) == [("staff",)] * 20


async def test_call_taken_back_ends_and_leaves_the_pool_usable(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    hanging = asyncio.Event()
    fake_site.answer(Reply(released=hanging), rooms_reply("staff"))
    call = asyncio.create_task(fetch(site_auth, fake_site))
    await until(lambda: fake_site.requests)
    call.cancel()
    await asyncio.wait([call], timeout=TIMEOUT_SECONDS)
    assert call.cancelled()
    hanging.set()
    assert await fetch(site_auth, fake_site) == ("staff",)


async def test_closing_twice_is_harmless_and_asking_opens_again(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    await site_auth.close()
    await fetch(site_auth, fake_site)
    await site_auth.close()
    await site_auth.close()
    assert await fetch(site_auth, fake_site) == ("user_1", "staff")


async def test_the_same_token_is_asked_about_once_at_a_time(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    released = asyncio.Event()
    fake_site.answer(Reply(body=b'["user_1"]', released=released))
    calls = [asyncio.create_task(fetch(site_auth, fake_site)) for _ in range(20)]
    await until(lambda: fake_site.requests)
    released.set()
    assert await asyncio.gather(*calls) == [("user_1",)] * 20
    assert len(fake_site.requests) == 1
    await fetch(site_auth, fake_site)
    assert len(fake_site.requests) == 2


async def test_a_refusal_is_for_all_that_wait_for_it(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    released = asyncio.Event()
    fake_site.answer(Reply(401, released=released))
    calls = [asyncio.create_task(fetch(site_auth, fake_site)) for _ in range(3)]
    await until(lambda: fake_site.requests)
    released.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [AuthRefused] * 3
    assert len(fake_site.requests) == 1


async def test_a_shared_call_goes_on_until_the_last_that_waits_for_it_has_gone(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    released = asyncio.Event()
    fake_site.answer(Reply(body=b'["user_1"]', released=released))
    first, second = [asyncio.create_task(fetch(site_auth, fake_site)) for _ in range(2)]
    await until(lambda: fake_site.requests)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    released.set()
    assert await second == ("user_1",)
    assert len(fake_site.requests) == 1


async def test_two_sites_never_share_a_call(site_auth: SiteAuth, fake_site: FakeSite) -> None:
    released = asyncio.Event()
    fake_site.answer(Reply(body=b'["user_1"]', released=released))
    calls = [
        asyncio.create_task(site_auth.fetch_rooms(fake_site.snapshot(name), TOKEN, 60.0))
        for name in ("newsite", "othersite")
    ]
    await until(lambda: len(fake_site.requests) == 2)
    released.set()
    await asyncio.gather(*calls)


async def test_calls_to_a_site_are_bounded_and_cost_another_site_nothing(
    site_auth: SiteAuth, fake_site: FakeSite
) -> None:
    released = asyncio.Event()
    fake_site.answer(Reply(body=b'["user_1"]', released=released))
    calls = [
        asyncio.create_task(fetch(site_auth, fake_site, f"token{i}"))
        for i in range(CALLS_PER_SITE + 50)
    ]
    await until(lambda: len(fake_site.requests) == CALLS_PER_SITE)
    other = asyncio.create_task(site_auth.fetch_rooms(fake_site.snapshot("other"), TOKEN, 60.0))
    await until(lambda: len(fake_site.requests) > CALLS_PER_SITE)
    assert len(fake_site.requests) == CALLS_PER_SITE + 1
    released.set()
    assert await other == ("user_1",)
    assert len(await asyncio.gather(*calls)) == CALLS_PER_SITE + 50
