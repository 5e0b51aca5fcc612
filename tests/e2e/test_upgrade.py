"""A release reads what the ones before have written to Redis: docs/upgrading.md promises it.

`tests/upgrade/recorded` has what they left, and `tests/upgrade/scenario.py` how it came about.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pytest_django import Settings
from redis.asyncio import Redis

from delivery.redis_client import close_async_redis, get_async_redis
from delivery.scripts import SCRIPT_FILES, SHAS
from delivery.statistics import Statistics, pick
from tests.e2e.events import batch, resync
from tests.e2e.installing import install, new_prefix, redis_url, running
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.redis_view import keys_of, waiting
from tests.e2e.sending import post
from tests.e2e.service import Service
from tests.e2e.site import FakeSite
from tests.e2e.waiting import until
from tests.upgrade.recordings import all_recordings
from tests.upgrade.scenario import (
    LIMITED_KEY,
    NEWSITE_KEY,
    ORDER_KEY,
    TOO_MANY,
    USERS,
    Scenario,
    receipt_of,
    sites_of,
    website,
)
from tests.upgrade.snapshot import Snapshot, write_keys

# What they write to, others write to as well; or they write nothing.
NOT_PLAYED = {
    *("renew", "read", "take_resync", "clear", "request_resync", "leave"),
    *("inspect", "text", "progress", "recent", "figures", "present"),
}
WAITING = (
    ["update", "über", {"id": 1, "age": 5}],
    ["update", "an order"],
    ["note", "last"],
)


@dataclass(frozen=True)
class Upgraded:
    """This code's service, on what a release has left in Redis under `prefix`."""

    service: Service
    site: FakeSite
    prefix: str
    messages: dict[str, str]  # what the scenario calls them -> id

    def open(self, node: NodeProcess, user: str, device: str) -> NodeClient:
        auth = {"token": USERS[user].token, "deviceId": device}
        return node.open(self.service.namespace(), auth=auth, withhold_acks=True)

    async def keys(self, redis: Redis) -> list[str]:
        """Those of the first user."""
        return await keys_of(redis, USERS["1"], prefix=self.prefix)

    async def waiting(self, redis: Redis, device: str) -> int:
        """How many messages wait for the device of the first user."""
        return await waiting(redis, USERS["1"], device, prefix=self.prefix)

    async def states(self, name: str) -> dict[str, dict[str, Any]]:
        """What the receipt of a message says of each device."""
        [room] = (await receipt_of(self.service, self.messages[name]))["rooms"]
        return {each["device"]: each for each in room["devices"]}


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="session",
    params=all_recordings(),
    ids=lambda path: f"from-{path.stem}",
)
async def upgraded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Upgraded]:
    path: Path = request.param
    snapshot, prefix = Snapshot.load(path), new_prefix()
    config = {"redis": {"url": redis_url(), "prefix": prefix}}
    async with website() as site, Redis.from_url(redis_url()) as redis:
        installation = install(tmp_path_factory.mktemp("upgrade") / "it", sites_of(site), config)
        await write_keys(redis, snapshot.moved(prefix))
        async with running(installation) as service:
            yield Upgraded(service, site, prefix, snapshot.messages)


async def test_what_this_code_writes_is_recorded(node: NodeProcess, tmp_path: Path) -> None:
    """If a change is meant: `python -m tests.upgrade`, and say in docs/upgrading.md what it means
    for processes of both releases that run side by side."""
    recorded = Snapshot.load(all_recordings()[-1]).shapes()
    async with Scenario.begin(tmp_path / "it", node) as scenario:
        written = (await scenario.play()).shapes()
        played = await scenario.redis.script_exists(*SHAS.values())
    assert sorted(written - recorded) == []
    assert sorted(recorded - written) == []
    names = {name for name, is_played in zip(SHAS, played, strict=True) if is_played}
    assert set(SCRIPT_FILES) - NOT_PLAYED <= names


async def test_what_waited_comes_as_one_batch_and_acks_take(
    upgraded: Upgraded, node: NodeProcess, redis: Redis
) -> None:
    phone = upgraded.open(node, "1", "phone")
    event = await phone.event()
    assert event == batch(*WAITING)
    assert await upgraded.waiting(redis, "phone") == 3
    phone.ack(event)

    async def is_acked() -> bool:
        phones = (await upgraded.states("in order")).get("phone", {"state": "not told yet"})
        return bool(phones["state"] == "acked")

    await until(is_acked, "the last message is acked")
    left = [key for key in await upgraded.keys(redis) if key.endswith(":phone")]
    assert not [key for key in left if ":queue:" in key or ":events:" in key]
    assert (await upgraded.states("in order"))["laptop"]["state"] in ("waiting", "sent")
    assert (await upgraded.states("sent"))["laptop"]["state"] == "sent"
    [name] = [key for key in await upgraded.keys(redis) if key.endswith(":room")]
    assert await redis.hget(name, "bytes:phone") == "0"


async def test_a_repeated_call_is_answered_as_the_first_and_stores_nothing(
    upgraded: Upgraded, node: NodeProcess, redis: Redis
) -> None:
    reply = await post(upgraded.service.http, USERS["1"].room, "update", "an order", key=ORDER_KEY)
    answer = {"ok": True, "id": upgraded.messages["once"], "queued": 1, "broadcast": 0}
    assert (reply.status, reply.answer) == (200, answer)
    assert await upgraded.waiting(redis, "laptop") == 3
    assert await upgraded.open(node, "1", "laptop").event() == batch(*WAITING)


async def test_a_call_that_was_cut_short_is_finished_under_its_first_id(
    upgraded: Upgraded, redis: Redis
) -> None:
    """As it was before its answer was kept: what is stored is not stored again."""
    [claim] = [key async for key in redis.scan_iter(match=f"{upgraded.prefix}:*:idempotency:*")]
    await redis.hdel(claim, "answer")
    reply = await post(upgraded.service.http, USERS["1"].room, "update", "an order", key=ORDER_KEY)
    assert reply.answer["id"] == upgraded.messages["once"]
    assert await upgraded.waiting(redis, "laptop") == 3


async def test_what_waits_for_nobody_goes_to_the_first_device(
    upgraded: Upgraded, node: NodeProcess
) -> None:
    client = upgraded.open(node, "2", "first")
    assert await client.event() == batch(["update", "welcome"])


async def test_a_pending_resync_comes_and_then_what_was_sent_after_it(
    upgraded: Upgraded, node: NodeProcess
) -> None:
    tablet = upgraded.open(node, "3", "tablet")
    assert await tablet.events(2) == [resync("overflow"), batch(["update", "after it"])]
    dropped = (await upgraded.states("dropped 0"))["tablet"]
    assert (dropped["state"], dropped["reason"]) == ("dropped", "overflow")


async def test_receipts_tell_what_has_been(upgraded: Upgraded) -> None:
    acked = (await upgraded.states("acked"))["phone"]
    assert acked["state"] == "acked"
    assert acked["sent_at"] <= acked["acked_at"]
    receipt = await receipt_of(upgraded.service, upgraded.messages["broadcast"])
    assert receipt["broadcast"] == {"rooms": 1, "sockets": 1}


async def test_who_was_online_is_so_and_gets_what_is_not_acked(
    upgraded: Upgraded, node: NodeProcess
) -> None:
    query = {"site": "newsite", "apiKey": NEWSITE_KEY, "room": USERS["4"].room}
    async with upgraded.service.http.get("/presence", params=query) as response:
        [room] = (await response.json())["rooms"]
    assert room["online"]
    assert [each["device"] for each in room["devices"]] == ["desk"]
    desk = upgraded.open(node, "4", "desk")
    assert await desk.event() == batch(["update", "here"])
    await upgraded.service.send(USERS["4"].room, "update", "later", resync="true")
    desk.ack(await desk.event())  # before the batch, in which the first of its event is
    assert await desk.event() == resync("out_of_order")


async def test_what_was_sent_counts_against_the_limits(upgraded: Upgraded) -> None:
    query = {"site": "limited", "apiKey": LIMITED_KEY}
    body = {"rooms": "somewhere", "event": "tick"}
    async with upgraded.service.http.post("/send", params=query, json=body) as response:
        assert response.status == 429
        assert 0 < int(response.headers["Retry-After"]) <= TOO_MANY


async def test_a_site_is_told_of_the_user_who_has_gone(upgraded: Upgraded) -> None:
    await upgraded.site.is_asked_for("")  # these calls bring no token
    [call] = upgraded.site.calls_of("")
    assert (call.method, call.path) == ("PUT", "/users/2")
    assert '"online": false' in call.body or '"online":false' in call.body


async def test_ids_are_made_with_a_number_that_no_process_of_before_holds(
    upgraded: Upgraded,
) -> None:
    await upgraded.service.says("Generator 0 is another process's")


async def test_the_last_hour_is_counted_on(upgraded: Upgraded, settings: Settings) -> None:
    redis = replace(settings.CONFIG.redis, prefix=upgraded.prefix)
    settings.CONFIG = replace(settings.CONFIG, redis=redis)
    get_async_redis("queues")
    try:
        figures = await Statistics().read("newsite")
    finally:
        await close_async_redis("queues")
    assert sum(pick(counts, "messages") for counts in figures.minutes) >= len(upgraded.messages)
    assert figures.auth_failure is not None
    assert "expected a JSON list" in figures.auth_failure.reason
