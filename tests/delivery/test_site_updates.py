"""What a site's `updateUserUrl` is told, and which answers are taken for what."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest
import pytest_asyncio

from delivery import site_updates as site_updates_module
from delivery.exceptions import UpdateFailed
from delivery.site_updates import SiteUpdates, Update
from sites.networks import DenyList
from sites.snapshots import SiteSnapshot
from tests.delivery.fake_site import FakeSite, Reply
from tests.delivery.http_fixtures import make_site

CAME = Update("user_8", is_online=True, at_ms=1_800_000_000_123)
TIME = "2027-01-15T08:00:00.123Z"


@pytest_asyncio.fixture
async def site_updates() -> AsyncIterator[SiteUpdates]:
    site_updates = SiteUpdates(DenyList())
    yield site_updates
    site_updates.close()


@pytest.fixture
def site(fake_site: FakeSite) -> SiteSnapshot:
    fake_site.answer(Reply())
    url = fake_site.url.replace("/socketrooms", "/users/:id/:id?secret=1")
    return make_site(update_user_url=url)


async def test_site_is_told_who_came_or_went(
    site_updates: SiteUpdates, site: SiteSnapshot, fake_site: FakeSite
) -> None:
    await site_updates.put(site, CAME)
    await site_updates.put(site, CAME._replace(is_online=False))
    assert [request.method for request in fake_site.requests] == ["PUT", "PUT"]
    assert fake_site.headers("Accept") == ["*/*", "*/*"]
    assert fake_site.requests[0].path_qs == "/users/8/:id?secret=1"
    assert [orjson.loads(body) for body in fake_site.bodies] == [
        {
            "id": "8",
            "user": {"last_connected": TIME},
            "room": "user_8",
            "online": True,
            "time": TIME,
        },
        {
            "id": "8",
            "user": {"last_disconnected": TIME},
            "room": "user_8",
            "online": False,
            "time": TIME,
        },
    ]


async def test_id_stays_one_part_of_the_path(
    site_updates: SiteUpdates, site: SiteSnapshot, fake_site: FakeSite
) -> None:
    await site_updates.put(site, CAME._replace(room="user_../admin?x#ü"))
    [request] = fake_site.requests
    assert request.raw_path == "/users/..%2Fadmin%3Fx%23%C3%BC/:id?secret=1"


@pytest.mark.parametrize("room", ["user_", "user_.", "user_.."])
async def test_what_is_no_id_is_no_path(
    room: str, site_updates: SiteUpdates, site: SiteSnapshot, fake_site: FakeSite
) -> None:
    with pytest.raises(UpdateFailed) as caught:
        await site_updates.put(site, CAME._replace(room=room))
    assert caught.value.is_definite
    assert fake_site.requests == []


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_any_2xx_is_enough(
    status: int, site_updates: SiteUpdates, site: SiteSnapshot, fake_site: FakeSite
) -> None:
    fake_site.answer(Reply(status, b""))
    await site_updates.put(site, CAME)


@pytest.mark.parametrize(
    ("status", "is_definite"),
    [(302, True), (400, True), (404, True), (408, False), (429, False), (500, False), (503, False)],
)
async def test_what_may_pass_is_told_from_what_will_not(
    status: int,
    is_definite: bool,
    site_updates: SiteUpdates,
    site: SiteSnapshot,
    fake_site: FakeSite,
) -> None:
    fake_site.answer(Reply(status, b"", {"Location": "/elsewhere"}))
    with pytest.raises(UpdateFailed, match=f"answered {status}") as caught:
        await site_updates.put(site, CAME)
    assert caught.value.is_definite == is_definite
    assert len(fake_site.requests) == 1


async def test_site_that_hangs_or_is_not_there_may_come_back(
    site: SiteSnapshot, fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_updates_module, "CALL_TIMEOUT_SECONDS", 0.05)
    site_updates = SiteUpdates(DenyList())
    absent = replace(site, update_user_url="http://127.0.0.1:9/users/:id")
    released = asyncio.Event()
    fake_site.answer(Reply(released=released))
    for broken, why in ((absent, "Nothing listens at 127.0.0.1:9"), (site, "It took too long")):
        with pytest.raises(UpdateFailed, match=why) as caught:
            await site_updates.put(broken, CAME)
        assert not caught.value.is_definite
    released.set()
    site_updates.close()
