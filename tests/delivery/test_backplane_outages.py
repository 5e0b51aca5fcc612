"""The backplane while Redis is out of reach, and afterwards."""

import asyncio

import pytest
from redis.asyncio import Redis

from delivery import backplane as backplane_module
from delivery.exceptions import BackplaneUnavailable
from delivery.queue_values import Device
from tests.delivery.backplane_fixtures import (
    SITE,
    Hearing,
    broadcast,
    hear_texts,
)
from tests.delivery.redis_proxy import RedisProxy
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until


async def test_announcements_flow_again_after_the_subscription_was_killed(
    backplane: Hearing, redis: Redis
) -> None:
    reconnects: list[None] = []
    backplane.on_reconnect(lambda: reconnects.append(None))
    await backplane.join(SITE, ["staff"])
    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
    await until(lambda: reconnects)
    await broadcast(backplane, "staff", content="again")
    assert await hear_texts(backplane, "again") == ["again"]
    assert len(reconnects) == 1


@pytest.mark.parametrize("state", ["gone", "hanging"])
async def test_redis_out_of_reach_is_told_within_the_timeout(
    far: Hearing, redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(backplane_module, "ANNOUNCE_TIMEOUT_SECONDS", 0.05)
    if state == "gone":
        await redis_proxy.shut()
    else:
        redis_proxy.hang()
    device = Device(SITE, "user_1", "")
    async with asyncio.timeout(TIMEOUT_SECONDS):
        for step in (
            broadcast(far, "staff"),
            far.announce_resync(device, "overflow", "e1", 1),
            far.ping(),
            far.join(SITE, ["staff"]),
        ):
            with pytest.raises(BackplaneUnavailable, match=r"[^:\s]$"):
                await step
        await far.leave(SITE, ["staff"])


async def test_start_without_redis_is_told(far: Hearing, redis_proxy: RedisProxy) -> None:
    await far.close()
    await redis_proxy.shut()
    with pytest.raises(BackplaneUnavailable):
        await far.start()


async def test_failed_join_and_its_leave_do_not_spoil_the_next_one(
    far: Hearing, redis_proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconnects: list[None] = []
    far.on_reconnect(lambda: reconnects.append(None))
    await redis_proxy.shut()
    monkeypatch.setattr(backplane_module, "ANNOUNCE_TIMEOUT_SECONDS", 0.05)
    with pytest.raises(BackplaneUnavailable):
        await far.join(SITE, ["staff"])
    monkeypatch.setattr(backplane_module, "ANNOUNCE_TIMEOUT_SECONDS", TIMEOUT_SECONDS)
    await far.leave(SITE, ["staff"])
    await redis_proxy.open()
    await until(lambda: reconnects)
    await far.join(SITE, ["staff"])
    await broadcast(far, "staff", content="heard")
    assert await hear_texts(far, "heard") == ["heard"]


async def test_socket_that_joins_a_room_while_another_fails_to_is_served(
    backplane: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = asyncio.create_task(backplane.join(SITE, ["staff"]))
    staying = asyncio.create_task(backplane.join(SITE, ["staff"]))
    await asyncio.sleep(0)
    failing.cancel()
    await asyncio.wait([failing])
    await backplane.leave(SITE, ["staff"])
    await staying
    await broadcast(backplane, "staff", content="heard")
    assert await hear_texts(backplane, "heard") == ["heard"]
