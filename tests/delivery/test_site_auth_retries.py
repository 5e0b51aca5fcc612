"""A site that fails, hangs or is out of reach is asked again, for as long as there is patience."""

import asyncio
import logging
from collections.abc import Iterator

import pytest
from aiohttp.test_utils import unused_port

from delivery import site_auth as site_auth_module
from delivery.exceptions import AuthRefused, AuthUnavailable
from delivery.site_auth import FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS, SiteAuth
from tests.delivery.fake_site import FakeSite, Reply, rooms_reply
from tests.delivery.site_auth_fixtures import PATIENCE_SECONDS, fetch
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS

FAILING = Reply(500)


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between calls, which nobody waits for."""
    delays: list[float] = []

    async def note(seconds: float) -> None:
        delays.append(seconds)

    monkeypatch.setattr(site_auth_module, "sleep", note)
    return delays


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
