"""Counts, inspections and receipts where the keys of one script have to be in one slot."""

import pytest

from delivery.counters import ALL_SITES, Counters
from delivery.inspection import Inspection
from delivery.journal import Journal
from delivery.message import Message
from delivery.queue_values import Device
from delivery.receipts import Receipts
from delivery.reports import Reports
from delivery.statistics import Statistics, pick
from tests.delivery.topology_fixtures import (
    ALIAS,
    ROOMS,
    SITE,
    OpenQueues,
    append,
    open_queues,
    topology,
)

__all__ = ["open_queues", "topology"]

ON_CLUSTER = pytest.mark.parametrize("topology", ["cluster"], indirect=True)


@ON_CLUSTER
async def test_counts_are_summed_on_a_cluster(open_queues: OpenQueues) -> None:
    open_queues()
    for site in ("newsite", "othersite"):
        counters, statistics = Counters(), Statistics(ALIAS)
        counters.of(site).messages = 2
        counters.of(site).fail_auth("Auth 404 error")
        await Reports(counters, statistics).report()
    figures = await statistics.read(ALL_SITES)
    assert pick(figures.minutes[-1], "messages") + pick(figures.minutes[-2], "messages") == 4
    assert len(figures.processes) == 2
    assert (await statistics.glance(["newsite"]))["newsite"].messages_per_minute == 2


@ON_CLUSTER
async def test_rooms_are_looked_into_on_a_cluster(open_queues: OpenQueues) -> None:
    queues = open_queues()
    await append(queues, "hello")
    inspection = Inspection(alias=ALIAS, ttl_seconds=600)
    for room in ROOMS[:5]:
        phone = Device(SITE, room, "phone")
        await queues.open(phone)
        [device] = (await inspection.look(SITE, room)).devices
        assert (device.id, device.waiting) == ("phone", 1)
        assert await inspection.read_text(phone, 1) == '["greet","hello"]'
        assert (await inspection.request_resync(phone)).is_known


@ON_CLUSTER
async def test_receipts_are_kept_on_a_cluster(open_queues: OpenQueues) -> None:
    queues, journal = open_queues(), Journal(100)
    receipts = Receipts(journal, alias=ALIAS, ttl_seconds=600)
    for i in range(20):
        message = Message.build(str(i), "greet", [], False, ROOMS[:2])
        appended = await queues.append(SITE, message.rooms, message)
        journal.accept(SITE, message, 1.0, appended, 0)
    for i in range(20):
        found = await receipts.find(SITE, str(i))
        assert found is not None
        assert list(found.rooms) == list(ROOMS[:2])
    recent = await receipts.recent(SITE, ROOMS[0])
    assert [each.noted.id for each in recent] == [str(i) for i in range(19, -1, -1)]
