"""Two processes seen from the control room of one: numbers are summed, actions reach both."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.e2e.control_room import MAKE_ADMIN, ControlRoom, Figures, View
from tests.e2e.events import batch, resync, stored
from tests.e2e.installing import install, running, site_entries
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import WAIT_SECONDS, until

COUNTS = ("connects", "disconnects", "messages", "delivered", "acks")


@dataclass(frozen=True)
class Pair:
    one: Service
    other: Service
    control: ControlRoom  # of `one`


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    folder = tmp_path_factory.mktemp("control") / "it"
    installation = install(folder, site_entries(fake_site), {})
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(running(installation))
        other = await stack.enter_async_context(running(installation))
        await installation.manage("shell", "-c", MAKE_ADMIN)
        yield Pair(one, other, await stack.enter_async_context(ControlRoom.enter(one)))


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    user = fake_site.new_user()
    fake_site.knows(user.token, [user.room, f"all_{user.room}"])
    return user


async def open_client(
    node: NodeProcess, service: Service, user: User, device: str, *, withhold_acks: bool = False
) -> NodeClient:
    auth = {"token": user.token, "deviceId": device}
    client = node.open(service.namespace(), auth=auth, withhold_acks=withhold_acks)
    await client.next("connect")
    return client


async def seen(view: View, is_so: Callable[[Figures], bool]) -> Figures:
    """Watch until the figures are so."""
    last = None
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            async for last in view:
                if last is not None and is_so(last):
                    return last
    except TimeoutError:
        pass
    raise AssertionError(f"never seen; the last figures were {last}")


async def settled(view: View) -> Figures:
    """Watch until both processes are there and have told all of what tests before have done."""
    last: list[tuple[object, ...]] = []

    def is_so(figures: Figures) -> bool:
        sums = [sum(figures["hour"][name]) for name in COUNTS]
        last.append((len(figures["processes"]), figures["clients"], *sums))
        return last[-1][0] == 2 and last[-4:].count(last[-1]) == 4

    return await seen(view, is_so)


async def test_the_numbers_of_both_processes_are_summed(
    pair: Pair, node: NodeProcess, user: User
) -> None:
    async with pair.control.watch("newsite") as view:
        before = await settled(view)
        first = await open_client(node, pair.one, user, "phone")
        second = await open_client(node, pair.other, user, "laptop")
        clients = before["clients"] + 2
        await seen(view, lambda figures: figures["clients"] == clients)
        for each in (pair.one, pair.other):
            await each.send(user.room, "hello", 1)
        await pair.one.send(f"all_{user.room}", "news")
        await first.events(3)
        await second.events(3)
        for name, count in {"messages": 3, "delivered": 6, "acks": 4, "connects": 2}.items():
            await seen(view, lambda figures, n=name, c=count: added(figures, before, n) == c)  # type: ignore[misc]
        await first.disconnect()
        await second.disconnect()
        await seen(view, lambda figures: figures["clients"] == before["clients"])


def added(figures: Figures, before: Figures, name: str) -> int:
    """By the hour's buckets: tests that ran before leave the last minute while this one runs."""
    return int(sum(figures["hour"][name]) - sum(before["hour"][name]))


async def test_a_refusal_on_the_other_process_is_seen_with_its_reason(
    pair: Pair, node: NodeProcess
) -> None:
    async with pair.control.watch("newsite") as view:
        before = (await anext(view))["refused"]["denied"]
        client = node.open(pair.other.namespace(), auth={"token": "nobody's"})
        await client.next("connect_error")
        await seen(view, lambda figures: figures["refused"]["denied"] == before + 1)


async def test_a_device_on_the_other_process_is_found_and_disconnected(
    pair: Pair, node: NodeProcess, user: User
) -> None:
    client = await open_client(node, pair.other, user, "phone")
    assert (await pair.control.look(user.room))["phone"]["is_online"]
    await pair.control.act("disconnect", user.room, "phone")
    assert (await client.next("disconnect"))["reason"] == "transport close"
    await client.next("connect")  # by itself


async def test_a_queue_on_the_other_process_is_cleared(
    pair: Pair, node: NodeProcess, user: User
) -> None:
    client = await open_client(node, pair.other, user, "phone", withhold_acks=True)
    await pair.one.send(user.room, "first")
    await client.event()
    [message] = (await pair.control.look(user.room))["phone"]["messages"]
    assert message["event"] == "first"
    await pair.control.act("clear", user.room, "phone")
    assert (await pair.control.look(user.room))["phone"]["waiting"] == 0
    await client.disconnect()
    await pair.one.send(user.room, "second")
    again = await open_client(node, pair.one, user, "phone")
    assert await again.event() == batch(["second"])


async def test_a_client_of_the_other_process_is_asked_to_reload(
    pair: Pair, node: NodeProcess, user: User
) -> None:
    client = await open_client(node, pair.other, user, "phone")
    for _ in range(2):
        await pair.control.act("resync", user.room, "phone")
        assert await client.event() == resync("requested")
    await pair.one.send(user.room, "marker")
    assert await client.event() == stored("marker")


async def test_a_test_message_is_followed_to_a_device_of_the_other_process(
    pair: Pair, node: NodeProcess, user: User
) -> None:
    client = await open_client(node, pair.other, user, "phone", withhold_acks=True)
    sent = await pair.control.send({"rooms": [user.room], "event": "hello", "args": [1]})
    assert sent["followed"] == [user.room]
    message_id = sent["answer"]["id"]
    assert await pair.control.progress(user.room, message_id) == ["sent"]
    client.ack(await client.event())

    async def is_acked() -> bool:
        return await pair.control.progress(user.room, message_id) == ["acked"]

    await until(is_acked, "the message is acknowledged")


async def test_the_receipt_of_a_message_tells_what_either_process_did_with_it(
    pair: Pair, node: NodeProcess, user: User
) -> None:
    phone = await open_client(node, pair.one, user, "phone", withhold_acks=True)
    laptop = await open_client(node, pair.other, user, "laptop", withhold_acks=True)
    sent = await pair.control.send({"rooms": [user.room], "event": "hello", "args": [1]})
    laptop.ack(await laptop.event())
    await phone.event()

    async def is_told() -> bool:
        return await pair.control.recent(user.room) == [
            ("hello", {"phone": "sent", "laptop": "acked"})
        ]

    await until(is_told, "the other process has told of the ack")
    path = f"/messages/{sent['answer']['id']}"
    for headers, status in (({"X-Api-Key": "54321"}, 200), ({"X-Api-Key": "wrong"}, 401)):
        query = {"site": "newsite"}
        async with pair.control.http.get(path, params=query, headers=headers) as answer:
            assert answer.status == status
            if status == 200:
                [room] = (await answer.json())["rooms"]
    assert {each["device"]: each["state"] for each in room["devices"]} == {
        "phone": "sent",
        "laptop": "acked",
    }
    await pair.control.act("clear", user.room, "phone")
    [(_, states)] = await pair.control.recent(user.room)
    assert states["phone"] == "dropped"


async def test_the_live_view_ends_with_the_session(pair: Pair) -> None:
    async with ControlRoom.enter(pair.other) as control, control.watch() as view:
        await anext(view)
        await control.log_out()
        async with asyncio.timeout(WAIT_SECONDS):
            assert [each async for each in view]  # it ends by itself


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
async def test_a_process_that_leaves_ends_its_live_views(pair: Pair, server: str) -> None:
    installation = pair.one.installation
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(
            running(installation, arguments=["--server", server])
        )
        control = await stack.enter_async_context(ControlRoom.enter(service))
        view = await stack.enter_async_context(control.watch())
        await seen(view, lambda figures: len(figures["processes"]) == 3)
        stopping = asyncio.create_task(service.stop())
        async with asyncio.timeout(WAIT_SECONDS):
            assert len([each async for each in view]) < 5
        assert await stopping == 0
    async with pair.control.watch() as view:
        await seen(view, lambda figures: len(figures["processes"]) == 2)
