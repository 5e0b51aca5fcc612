"""Many questions to a site at once: one call for the same, and a bound for all."""

import asyncio

from delivery.exceptions import AuthRefused
from delivery.site_auth import CALLS_PER_SITE, SiteAuth
from tests.delivery.fake_site import FakeSite, Reply, rooms_reply
from tests.delivery.site_auth_fixtures import TOKEN, fetch
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until


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
    site_auth.close()
    await fetch(site_auth, fake_site)
    site_auth.close()
    site_auth.close()
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
