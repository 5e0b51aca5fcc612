"""What Redis leaves to the process that stores it, as no other one has the room's clients."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from delivery import storing
from delivery.backplane import Backplane
from delivery.exceptions import RedisUnavailable
from delivery.payloads import SendRequest
from delivery.queue_values import Appended
from delivery.queues import Queues
from tests.delivery.process_fixtures import connect
from tests.delivery.queue_fixtures import PHONE, ROOM, TTL_SECONDS
from tests.delivery.socket_fixtures import Process

HELLO, UPDATE = ["hello", 1], ["update", 2]
MAX_MESSAGES = 100
CALLS = 50


@pytest_asyncio.fixture
async def processes(own_layers: None, redis: Redis) -> AsyncIterator[list[Process]]:
    """Two, each with queues of its own."""
    running = []
    for _ in range(2):
        backplane = Backplane()
        queues = Queues(
            ttl_seconds=TTL_SECONDS, max_messages=MAX_MESSAGES, channels=backplane.channels
        )
        running.append(Process(queues, backplane))
        await running[-1].start()
    yield running
    for process in running:
        await process.stop()


@pytest.fixture
def here(processes: list[Process]) -> Process:
    return processes[0]


@pytest.fixture
def elsewhere(processes: list[Process]) -> Process:
    return processes[1]


async def test_it_reaches_the_sockets_without_an_announcement(here: Process) -> None:
    tabs = [await connect(here, ROOM, device=name) for name in ("phone", "phone", "laptop")]
    for content in (HELLO, UPDATE):
        await here.publish(ROOM, content=content)
    assert [tab.events for tab in tabs] == [[HELLO, UPDATE]] * 3
    await here.settle()
    assert here.heard == []


@pytest.mark.parametrize("device", ["phone", "laptop"])
async def test_who_has_a_tab_elsewhere_gets_it_in_both(
    device: str, here: Process, elsewhere: Process
) -> None:
    tabs = [
        await connect(here, ROOM, device="phone"),
        await connect(elsewhere, ROOM, device=device),
    ]
    await here.publish(ROOM, content=HELLO)
    await elsewhere.publish(ROOM, content=UPDATE)
    for process in (here, elsewhere):
        await process.settle()
    assert [tab.events for tab in tabs] == [[HELLO, UPDATE]] * 2


async def test_a_tab_that_has_gone_elsewhere_gets_what_is_sent_where_it_was(
    here: Process, elsewhere: Process
) -> None:
    await here.leave(await connect(here, ROOM, device="phone"))
    tab = await connect(elsewhere, ROOM, device="phone")
    await here.publish(ROOM, content=HELLO)
    assert [sent.content for sent in await tab.wait_for(1)] == [HELLO]


async def test_what_all_processes_send_at_once_comes_in_the_order_in_which_it_was_stored(
    here: Process, elsewhere: Process
) -> None:
    tab = await connect(here, ROOM, device="phone")
    contents = [[process, i] for i in range(CALLS // 2) for process in ("here", "elsewhere")]
    await asyncio.gather(
        *(
            (here if content[0] == "here" else elsewhere).publish(ROOM, content=content)
            for content in contents
        )
    )
    await tab.wait_for(CALLS)
    await here.settle()
    backlog = await here.queues.open(PHONE)
    assert tab.events == [orjson.loads(each.text) for each in backlog.messages]
    assert sorted(tab.events) == sorted(contents)


async def test_an_overflow_is_told_once_to_each_tab(here: Process, redis: Redis) -> None:
    tabs = [await connect(here, ROOM, device="phone") for _ in range(2)]
    for i in range(MAX_MESSAGES + 2):
        await here.publish(ROOM, content=["update", i])
    assert [tab.resyncs for tab in tabs] == [["overflow"]] * 2
    assert tabs[0].events[-1] == ["update", MAX_MESSAGES + 1]
    await here.switchboard.end()
    for tab in tabs:
        await here.leave(tab)
    back = await connect(here, ROOM, device="phone")
    assert back.resyncs == []


@pytest.mark.parametrize("is_live", [False, True])
@pytest.mark.parametrize("has_more", [False, True])
async def test_what_was_stored_though_its_sender_hears_503_reaches_the_sockets(
    has_more: bool, is_live: bool, here: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = here.make_tab(ROOM, device="phone")
    await here.switchboard.join(tab.connection)
    if is_live:
        here.switchboard.go_live(tab.connection)
    append_all = here.queues.append_all

    async def append_and_fail(*args: Any) -> Sequence[Appended]:
        await append_all(*args)
        raise RedisUnavailable("no answer")

    monkeypatch.setattr(here.queues, "append_all", append_and_fail)
    with pytest.raises(RedisUnavailable):
        await here.publish(ROOM, content=HELLO)
    monkeypatch.setattr(here.queues, "append_all", append_all)
    if not is_live:
        here.switchboard.go_live(tab.connection)
    if has_more:
        await here.publish(ROOM, content=UPDATE)
    await here.settle()
    assert tab.events == [HELLO, UPDATE][: 1 + has_more]


async def test_of_a_call_of_many_rooms_the_first_are_told_before_the_last_are_stored(
    here: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await connect(here, ROOM, device="phone")
    append_all, heard = here.queues.append_all, []

    async def append_noted(*args: Any) -> Sequence[Appended]:
        heard.append(len(tab.events))
        return await append_all(*args)

    monkeypatch.setattr(here.queues, "append_all", append_noted)
    monkeypatch.setattr(storing, "ROOMS_AT_ONCE", 2)
    texts = [f'["n",{i}]' for i in range(5)]
    requests = [SendRequest((ROOM,), "n", text, None) for text in texts]
    await here.publisher.publish_all(here.site, requests, resync=False)
    assert heard == [0, 2, 4]
    assert tab.events == [["n", i] for i in range(5)]


async def test_a_socket_on_its_way_in_gets_it(here: Process) -> None:
    tab = here.make_tab(ROOM, device="phone")
    await here.switchboard.join(tab.connection)
    await here.publish(ROOM, content=HELLO)
    here.switchboard.go_live(tab.connection)
    await here.publish(ROOM, content=UPDATE)
    await here.settle()
    assert tab.events == [HELLO, UPDATE]
