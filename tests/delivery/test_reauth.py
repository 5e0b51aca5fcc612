"""The rooms of connected clients are asked for again, and what comes of each answer."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from delivery import reauth as reauth_module
from delivery.connections import Connection
from delivery.exceptions import RedisUnavailable
from delivery.reauth import QUESTIONS_PER_SITE, SITE_IS_SILENT, Reauth
from sites.snapshots import SiteSnapshot
from tests.delivery.fake_site import FakeSite, Reply, rooms_reply
from tests.delivery.process_fixtures import connect
from tests.delivery.server_fixtures import MakeGateway, Seconds, Sites
from tests.delivery.socket_fixtures import Process, Tab, until

REAUTH_SECONDS = 60
TOKEN = "secret-token"
GONE = [Reply(401), Reply(403), Reply(404), Reply(302, headers={"Location": "/login"})]
NO_ANSWERS = [Reply(500), Reply(503), Reply(429), Reply(408), Reply(200, b"<html>")]


@dataclass
class Watch:
    """Clients that are watched, and a clock that has them asked for."""

    reauth: Reauth
    clock: Seconds
    process: Process
    site: SiteSnapshot
    sent_away: list[tuple[str, str]] = field(default_factory=list)

    async def open(self, *rooms: str, reauth_seconds: int = REAUTH_SECONDS) -> Tab:
        self.process.site = replace(self.site, reauth_seconds=reauth_seconds)
        tab = await connect(self.process, *rooms)
        self.reauth.watch(tab.connection, TOKEN)
        return tab

    async def pass_time(self, seconds: float = REAUTH_SECONDS) -> None:
        """Let time go by, and return when all that were due have been asked for."""
        self.clock.advance(seconds + 2)
        self.reauth.ask_due()
        await until(lambda: not self.reauth._tasks._running)

    async def send_away(self, sid: str, namespace: str) -> None:
        self.sent_away.append((sid, namespace))


@pytest.fixture
def watch(
    reauth: Reauth,
    seconds: Seconds,
    process: Process,
    fake_site: FakeSite,
    monkeypatch: pytest.MonkeyPatch,
) -> Watch:
    monkeypatch.setattr(reauth_module, "QUESTION_SECONDS", 0.05)
    watch = Watch(reauth, seconds, process, fake_site.snapshot())
    reauth.on_refusal(watch.send_away)
    return watch


def rooms(tab: Tab) -> list[str]:
    return sorted(tab.connection.rooms)


async def test_client_is_asked_for_again_and_again_and_follows_its_rooms(
    watch: Watch, fake_site: FakeSite
) -> None:
    tab = await watch.open("user_1", "staff")
    for answer in (["user_1", "guests"], ["guests"], ["user_1", "staff"]):
        fake_site.answer(rooms_reply(*answer))
        await watch.pass_time()
        assert rooms(tab) == sorted(answer)
    assert fake_site.headers("Authorization") == [f"Bearer {TOKEN}"] * 3
    assert watch.sent_away == []


async def test_nobody_is_asked_for_much_too_early(watch: Watch, fake_site: FakeSite) -> None:
    await watch.open("staff")
    await watch.pass_time(0.7 * REAUTH_SECONDS)
    assert fake_site.requests == []


async def test_clients_that_come_together_are_asked_for_apart(watch: Watch) -> None:
    for _ in range(30):
        await watch.open("staff")
    assert len(watch.reauth._wheel._slots) > 3


async def test_without_reauth_seconds_nothing_is_kept(watch: Watch, fake_site: FakeSite) -> None:
    tab = await watch.open("staff", reauth_seconds=0)
    assert len(watch.reauth) == 0
    await watch.pass_time(1_000)
    assert fake_site.requests == []
    watch.reauth.forget(tab.connection.sid)


async def test_tokens_are_forgotten_when_the_site_wants_it_no_more(watch: Watch) -> None:
    tab = await watch.open("staff")
    tab.connection.site = replace(tab.connection.site, reauth_seconds=0)
    watch.reauth.forget_sites(frozenset({"othersite"}))
    assert len(watch.reauth) == 1
    watch.reauth.forget_sites(frozenset({"newsite"}))
    assert len(watch.reauth) == 0
    assert not watch.reauth._wheel._slots


async def test_token_is_forgotten_with_its_client(watch: Watch, fake_site: FakeSite) -> None:
    tab = await watch.open("staff")
    await watch.process.leave(tab)  # and nobody says so to `reauth`
    await watch.pass_time()
    assert len(watch.reauth) == 0
    assert fake_site.requests == []


@pytest.mark.parametrize("reply", GONE, ids=lambda reply: str(reply.status))
async def test_client_that_is_no_longer_welcome_is_sent_away(
    reply: Reply, watch: Watch, fake_site: FakeSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    tab = await watch.open("staff")
    fake_site.answer(reply)
    await watch.pass_time()
    assert watch.sent_away == [(tab.connection.sid, "/newsite")]
    assert len(watch.reauth) == 0
    assert tab.connection.counts.refused["denied"] == 1
    assert "newsite: disconnected, no longer welcome: " in caplog.text
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(watch.reauth._watched)


@pytest.mark.parametrize("reply", NO_ANSWERS, ids=lambda reply: str(reply.status))
async def test_without_an_answer_the_client_stays_in_its_rooms_and_is_asked_for_soon(
    reply: Reply, watch: Watch, fake_site: FakeSite
) -> None:
    tab = await watch.open("user_1", "staff")
    fake_site.answer(reply)
    await watch.pass_time()
    assert (rooms(tab), watch.sent_away) == (["staff", "user_1"], [])
    assert tab.connection.counts.take_auth_failure() is not None
    fake_site.answer(rooms_reply("staff"))
    await watch.pass_time(reauth_module.FIRST_RETRY_SECONDS)
    assert rooms(tab) == ["staff"]


async def test_waits_between_two_tries_grow_up_to_reauth_seconds(
    watch: Watch, fake_site: FakeSite
) -> None:
    await watch.open("staff")
    fake_site.answer(Reply(429))
    await watch.pass_time()
    for seconds in (5, 10, 20, 40, REAUTH_SECONDS, REAUTH_SECONDS):
        asked = len(fake_site.requests)
        [slot] = watch.reauth._wheel._slots
        assert 0.7 * seconds < slot - watch.clock() < seconds + 2
        await watch.pass_time(seconds)
        assert len(fake_site.requests) == asked + 1


async def test_site_that_stays_silent_for_an_hour_has_its_clients_come_back(
    watch: Watch, fake_site: FakeSite
) -> None:
    tab = await watch.open("staff")
    fake_site.answer(Reply(429))
    await watch.pass_time()
    await watch.pass_time(3_600)
    assert tab.reasons == [SITE_IS_SILENT]
    assert watch.sent_away == []
    assert len(watch.reauth) == 0


async def test_while_redis_is_away_the_site_is_not_blamed(
    watch: Watch, fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await watch.open("staff")

    async def fail(connection: Connection, rooms: object) -> None:
        raise RedisUnavailable("gone")

    with monkeypatch.context() as broken:
        broken.setattr(watch.process.switchboard, "move", fail)
        await watch.pass_time()
    assert tab.connection.counts.take_auth_failure() is None
    await watch.pass_time(reauth_module.FIRST_RETRY_SECONDS)
    assert rooms(tab) == ["staff", "user_1"]


async def test_few_are_asked_for_at_once(watch: Watch, fake_site: FakeSite) -> None:
    for number in range(2 * QUESTIONS_PER_SITE):
        tab = await watch.open("staff")
        watch.reauth._watched[tab.connection.sid].token = f"token-{number}"
    watch.clock.advance(REAUTH_SECONDS + 2)
    released = asyncio.Event()
    fake_site.answer(Reply(released=released))
    watch.reauth.ask_due()
    await until(lambda: len(fake_site.requests) == QUESTIONS_PER_SITE)
    assert len(watch.reauth._tasks._running) == QUESTIONS_PER_SITE
    released.set()
    await until(lambda: len(fake_site.requests) == 2 * QUESTIONS_PER_SITE)


async def test_client_sees_that_the_server_has_disconnected_it(
    make_gateway: MakeGateway, sites: Sites, fake_site: FakeSite, reauth: Reauth, seconds: Seconds
) -> None:
    sites.change("newsite", reauth_seconds=REAUTH_SECONDS)
    gateway = make_gateway()
    reauth.on_refusal(gateway.server.disconnect)
    client = await gateway.open()
    assert (await client.join()).startswith("40/newsite,{")
    assert len(reauth) == 1
    fake_site.answer(Reply(401))
    seconds.advance(REAUTH_SECONDS + 2)
    reauth.ask_due()
    assert await client.read() == "41/newsite,"
    await until(lambda: not len(gateway.process.switchboard))
    assert len(reauth) == 0


async def test_client_that_hangs_up_takes_its_token_along(
    make_gateway: MakeGateway, sites: Sites, reauth: Reauth
) -> None:
    sites.change("newsite", reauth_seconds=REAUTH_SECONDS)
    client = await make_gateway().open()
    await client.join()
    await client.hang_up()
    await until(lambda: not len(reauth))
