"""The queues on Redis by TLS, by Sentinel and as a cluster, and what a failover costs."""

import asyncio
import signal
from typing import Any

import pytest
from django.core.cache import caches
from django_redis import get_redis_connection

from delivery import subscription
from delivery.exceptions import RedisUnavailable
from delivery.queue_values import NOWHERE, Ack, Device
from delivery.redis_client import get_async_redis
from tests.delivery.topology_fixtures import (
    ALIAS,
    KEYS,
    ROOMS,
    SITE,
    OpenQueues,
    append,
    append_until_it_works,
    as_text,
    layer,
    open_queues,
    topology,
    waiting,
)
from tests.e2e.waiting import until
from tests.redis_cluster import Cluster
from tests.redis_process import FAILOVER_SECONDS
from tests.redis_topologies import Topology

__all__ = ["layer", "open_queues", "topology"]

WITH_REPLICAS = pytest.mark.parametrize("topology", ["sentinel", "cluster"], indirect=True)
WITH_SENTINEL = pytest.mark.parametrize("topology", ["sentinel"], indirect=True)
OF_FIRST = "b"  # a key of the first node of the cluster, which is the one the layer is on
ON_CLUSTER = pytest.mark.parametrize("topology", ["cluster"], indirect=True)


async def test_message_is_stored_read_and_acknowledged(open_queues: OpenQueues) -> None:
    queues = open_queues()
    await queues.ping()
    for number in range(1, 4):
        appended = await append(queues, str(number))
        assert [(each.room, each.seq) for each in appended] == [(room, number) for room in ROOMS]
    for room in ROOMS:
        assert await waiting(queues, room) == [as_text("1"), as_text("2"), as_text("3")]
    devices = [Device(SITE, room, "phone") for room in ROOMS]
    acks = [Ack(d, e.epoch, (1, 2), True) for d, e in zip(devices, appended, strict=True)]
    assert [each.removed for each in await queues.acknowledge(acks)] == [2] * len(ROOMS)
    assert [each.text for each in (await queues.read(devices[7], NOWHERE)).messages] == [
        as_text("3")
    ]


async def test_many_calls_at_once_wait_for_each_other(open_queues: OpenQueues) -> None:
    queues = open_queues()
    await asyncio.gather(*(append(queues, str(number), ROOMS[:3]) for number in range(100)))
    assert len(await waiting(queues)) == 100


async def test_scripts_are_loaded_again_where_they_are_lost(
    topology: Topology, open_queues: OpenQueues
) -> None:
    queues = open_queues()
    await append(queues, "1")
    await topology.kill_master(KEYS)
    await topology.bring_back()
    await append_until_it_works(queues, "2")
    assert (await waiting(queues))[-1] == as_text("2")


async def test_killed_master_is_unavailable_until_another_has_its_messages(
    topology: Topology, open_queues: OpenQueues
) -> None:
    has_replicas = not hasattr(topology, "server")
    queues, safe_queues = open_queues(), open_queues(wait_replicas=int(has_replicas))
    await append(queues, "first")
    for number in range(100):
        await append(safe_queues, str(number))
    await topology.kill_master(KEYS)
    with pytest.raises(RedisUnavailable):
        await append(queues, "lost")
    if not has_replicas:
        await topology.bring_back()
    await append_until_it_works(queues, "last")
    await queues.ping()
    for room in ROOMS:
        texts = await waiting(queues, room)
        assert texts[1:101] == [as_text(str(number)) for number in range(100)]
        assert texts[-1] == as_text("last")


@WITH_REPLICAS
async def test_frozen_master_is_left_for_the_new_one(
    topology: Topology, open_queues: OpenQueues
) -> None:
    queues = open_queues()
    await append(queues, "1")
    await topology.freeze_master(KEYS)
    assert await append_until_it_works(queues, "2")
    assert (await waiting(queues))[-1] == as_text("2")


@WITH_REPLICAS
async def test_master_that_steps_down_is_left_for_the_new_one(
    topology: Topology, open_queues: OpenQueues
) -> None:
    queues = open_queues(wait_replicas=1)
    await asyncio.gather(*(append(queues, str(number)) for number in range(20)))
    await topology.fail_over(KEYS)
    failures = await append_until_it_works(queues, "last")
    assert len(failures) <= 2  # not one for each idle connection
    assert (await waiting(queues))[-1] == as_text("last")


@WITH_REPLICAS
async def test_too_few_replicas_are_unavailable(open_queues: OpenQueues) -> None:
    queues = open_queues(wait_replicas=3)
    await append(open_queues(), "1", ROOMS[:1])
    with pytest.raises(RedisUnavailable, match=r"^Redis: [012] of 3 replicas have the message"):
        await append(queues, "2", ROOMS[:1])
    assert await waiting(open_queues()) == [as_text("1"), as_text("2")]  # it will be repeated


@WITH_SENTINEL
async def test_no_sentinel_is_unavailable(topology: Any, open_queues: OpenQueues) -> None:
    for sentinel in topology.sentinels:
        sentinel.process.kill()
    queues = open_queues()
    whom = ", ".join(f"127.0.0.1:{sentinel.port}" for sentinel in topology.sentinels)
    with pytest.raises(RedisUnavailable, match=f"^Redis: No sentinel of {whom} names a master"):
        await queues.ping()
    await topology.bring_back()
    await append_until_it_works(queues, "1")


@WITH_SENTINEL
async def test_sentinel_that_hangs_is_passed_over(topology: Any, open_queues: OpenQueues) -> None:
    topology.sentinels[0].signal(signal.SIGSTOP)
    await append(open_queues(), "1")


@ON_CLUSTER
async def test_moved_slot_is_followed_without_a_failure(
    topology: Cluster, open_queues: OpenQueues
) -> None:
    queues = open_queues()
    await append(queues, "1")
    await topology.fail_over(KEYS)
    await append(queues, "2")
    assert await waiting(queues) == [as_text("1"), as_text("2")]


@ON_CLUSTER
async def test_room_is_unavailable_while_its_slot_moves(
    topology: Cluster, open_queues: OpenQueues
) -> None:
    queues = open_queues()
    await append(queues, "1")
    await topology.begin_move(KEYS)
    with pytest.raises(RedisUnavailable):
        await append(queues, "2")
    await topology.end_move(KEYS)
    await append(queues, "3")
    texts = await waiting(queues)
    assert (texts[0], texts[-1]) == (as_text("1"), as_text("3"))


@ON_CLUSTER
async def test_other_rooms_are_served_while_a_master_is_dead(
    topology: Cluster, open_queues: OpenQueues
) -> None:
    queues = open_queues()
    await append(queues, "1")
    await topology.kill_master(KEYS)
    results = await asyncio.gather(
        *(append(queues, "2", [room]) for room in ROOMS), return_exceptions=True
    )
    assert {type(result) for result in results} == {list, RedisUnavailable}


@ON_CLUSTER
async def test_cluster_has_no_client_for_all_rooms(open_queues: OpenQueues) -> None:
    open_queues()
    with pytest.raises(TypeError, match="elsewhere is a cluster"):
        get_async_redis(ALIAS)


async def test_django_redis_reaches_the_same_servers(open_queues: OpenQueues) -> None:
    queues = open_queues()
    await append(queues, "1")
    assert await asyncio.to_thread(_seq_by_django_redis) == b"1"


def _seq_by_django_redis() -> bytes:
    connection = get_redis_connection(ALIAS)
    try:
        seq: bytes = connection.hget(KEYS, "seq")
    finally:
        connection.close()
        caches[ALIAS].close()
    return seq


async def test_layer_joins_announces_and_receives(layer: Any) -> None:
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await asyncio.gather(*(layer.group_send("room", {"number": n}) for n in range(100)))
    assert [(await receive(layer, channel))["number"] for _ in range(100)] == list(range(100))


async def test_layer_finds_the_new_master_by_itself(topology: Topology, layer: Any) -> None:
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await topology.kill_master(OF_FIRST)
    if hasattr(topology, "server"):
        await topology.bring_back()
    await announce_until_heard(layer, channel)


@WITH_REPLICAS
async def test_layer_leaves_a_frozen_master(
    topology: Topology, layer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SILENCE_SECONDS", 0.2)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await topology.freeze_master(OF_FIRST)
    await announce_until_heard(layer, channel)


async def receive(layer: Any, channel: str) -> Any:
    async with asyncio.timeout(FAILOVER_SECONDS):
        return await layer.receive(channel)


async def announce_until_heard(layer: Any, channel: str) -> None:
    heard = asyncio.create_task(receive(layer, channel))

    async def is_heard() -> bool:
        await asyncio.gather(layer.group_send("room", {"number": 1}), return_exceptions=True)
        return heard.done()

    await until(is_heard, "an announcement is heard", FAILOVER_SECONDS)
    assert (await heard)["number"] == 1
