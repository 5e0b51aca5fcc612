"""`log: {deliveries: true}`: the id of a message leads through all that becomes of it."""

import pytest

from delivery.queues import Queues
from delivery.traced_connection import TracedConnection
from tests.delivery.queue_fixtures import SITE
from tests.delivery.socket_fixtures import Process, Tab

USER = "user_1"


@pytest.fixture
def traced(process: Process, caplog: pytest.LogCaptureFixture) -> Process:
    caplog.set_level("INFO", "delivery")
    process.switchboard._is_traced = process.storing._is_traced = True
    return process


async def connect(process: Process, *rooms: str) -> Tab:
    tab = process.make_tab(*rooms)
    plain = tab.connection
    tab.connection = TracedConnection(
        plain.sid,
        plain.site,
        plain.device_id,
        plain.rooms,
        plain.find_socket,
        plain.close_transport,
        plain.submit_acks,
        plain.counts,
        plain.journal,
    )
    await process.switchboard.join(tab.connection)
    process.switchboard.go_live(tab.connection)
    await process.settle()
    return tab


def lives(caplog: pytest.LogCaptureFixture) -> list[list[str]]:
    """The lines of each message, in the order of their first ones, without id and place."""
    found: dict[str, list[str]] = {}
    for record in caplog.records:
        fields = record.args if isinstance(record.args, dict) else {}
        if (message := str(fields.get("message", ""))) and not message.startswith("barrier"):
            _, _, text = record.getMessage().partition(f"message {message} ")
            found.setdefault(message, []).append(text)
            assert fields["site"] == SITE
    return list(found.values())


async def test_a_stored_message_is_told_of_from_the_sender_to_the_ack(
    traced: Process, caplog: pytest.LogCaptureFixture
) -> None:
    tab = await connect(traced, USER)
    await traced.publish(USER, content=["hello"])
    await tab.wait_for(1)
    tab.acknowledge(0)
    [life] = lives(caplog)
    assert sorted(life) == sorted(
        ["stored as seq 1", "sent, rooms: 1", "heard of, for 1 sockets here", "written", "acked"]
    )
    assert life[0] == "stored as seq 1"
    assert life[-1] == "acked"


async def test_each_message_of_a_batch_is_told_of(
    traced: Process, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        await traced.publish(USER, content=["hello"])
    tab = await connect(traced, USER)
    await tab.wait_for(1)
    tab.acknowledge(0)
    assert [life[-2:] for life in lives(caplog)] == [["written in a batch", "acked"]] * 2


async def test_a_broadcast_is_told_of_with_how_many_got_it(
    traced: Process, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        await connect(traced, "all")
    caplog.clear()
    await traced.publish("all", content=["hello"])
    await traced.settle()
    [life] = lives(caplog)
    assert sorted(life) == ["heard of, for 2 sockets here", "sent, rooms: 1"]


async def test_what_a_resync_gives_up_is_told_of(
    traced: Process, caplog: pytest.LogCaptureFixture
) -> None:
    tab = await connect(traced, USER)
    for event in ("first", "second", "first"):
        await traced.publish(USER, content=[event], resync=True)
    await tab.wait_for(3)
    tab.acknowledge(2)
    await traced.settle()
    assert [life[-1] for life in lives(caplog)] == ["given up by a resync"] * 2 + ["acked"]


async def test_what_a_socket_leaves_unacked_is_told_of(
    traced: Process, caplog: pytest.LogCaptureFixture
) -> None:
    tab = await connect(traced, USER)
    await traced.publish(USER, content=["hello"])
    await tab.wait_for(1)
    await traced.switchboard.leave(tab.connection)
    assert [life[-1] for life in lives(caplog)] == ["not acked"]


async def test_a_full_queue_is_a_warning_with_the_message_that_found_it(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    process.take_queues(Queues(max_messages=1), ids=iter(range(75, 99)))
    for _ in range(2):
        await process.publish(USER, content=["hello"])
    [warning] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warning.getMessage() == f"{SITE}/{USER}: queues of [''] were full, dropped with 76"


async def test_without_the_option_nothing_is_told(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "delivery")
    tab = await process.connect(USER)
    await process.publish(USER, content=["hello"])
    await tab.wait_for(1)
    tab.acknowledge(0)
    assert lives(caplog) == [["sent, rooms: 1"]]
