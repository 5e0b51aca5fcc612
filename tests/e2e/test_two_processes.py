"""Two processes on one installation are one service: whoever is told something, both know."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.e2e.events import batch, broadcast, resync, stored
from tests.e2e.installing import install, running, site_entries
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.redis_view import has_resync, waiting
from tests.e2e.sending import QUERY, post
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until

IDS = 200  # of each process, as fast as it makes them
GENERATOR_SHIFT, GENERATOR_MASK = 12, 0x3FF  # where a flake id says who made it
QUEUE_LIMIT = 10_000
BATCH_LIMIT = 1_000
DISABLE = "from sites.models import Site; s = Site.objects.get(name='plainsite'); "


@dataclass(frozen=True)
class Pair:
    one: Service
    other: Service


@dataclass(frozen=True)
class Browser:
    """Opens tabs of one user on either process."""

    node: NodeProcess
    user: User

    async def open(
        self, service: Service, site: str = "newsite", *, withhold_acks: bool = False
    ) -> NodeClient:
        auth = {"token": self.user.token}
        client = self.node.open(service.namespace(site), auth=auth, withhold_acks=withhold_acks)
        await client.next("connect")
        return client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    installation = install(tmp_path_factory.mktemp("pair") / "it", site_entries(fake_site), {})
    async with AsyncExitStack() as stack:
        yield Pair(
            await stack.enter_async_context(running(installation)),
            await stack.enter_async_context(running(installation)),
        )


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    user = fake_site.new_user()
    fake_site.knows(user.token, [user.room, shared_room(user)])
    return user


@pytest.fixture
def browser(node: NodeProcess, user: User) -> Browser:
    return Browser(node, user)


def shared_room(user: User) -> str:
    return f"all_{user.room}"


async def nothing_waits(redis: Redis, user: User) -> None:
    async def is_empty() -> bool:
        return await waiting(redis, user) == 0

    await until(is_empty, f"nothing waits for {user.room}")


async def nothing_is_left_to_tell(redis: Redis, user: User) -> None:
    async def is_told() -> bool:
        return not await has_resync(redis, user)

    await until(is_told, f"the resync of {user.room} is taken")


async def test_a_message_reaches_clients_of_the_other_process(
    pair: Pair, browser: Browser, user: User
) -> None:
    client = await browser.open(pair.one)
    await pair.other.send(user.room, "hello", 1)
    assert await client.event() == stored("hello", 1)
    await pair.other.send(shared_room(user), "hello", 2)
    assert await client.event() == broadcast("hello", 2)


async def test_what_was_acknowledged_on_one_process_does_not_come_again_on_the_other(
    pair: Pair, browser: Browser, user: User, redis: Redis
) -> None:
    client = await browser.open(pair.one)
    for number in range(3):
        await pair.other.send(user.room, "hello", number)
    assert await client.events(3) == [stored("hello", number) for number in range(3)]
    await nothing_waits(redis, user)
    await client.disconnect()
    again = await browser.open(pair.other)
    await pair.one.send(user.room, "marker")
    assert await again.event() == stored("marker")


async def test_what_was_not_acknowledged_on_one_process_comes_as_one_batch_on_the_other(
    pair: Pair, browser: Browser, user: User
) -> None:
    client = await browser.open(pair.one, withhold_acks=True)
    for number in range(3):
        await pair.other.send(user.room, "hello", number)
    acknowledged, *_ = await client.events(3)
    client.ack(acknowledged)
    await client.disconnect()
    again = await browser.open(pair.other)
    assert await again.event() == batch(["hello", 1], ["hello", 2])


async def test_the_ack_of_a_batch_on_one_process_holds_on_the_other(
    pair: Pair, browser: Browser, user: User, redis: Redis
) -> None:
    await pair.one.send(user.room, "hello")
    client = await browser.open(pair.one)
    assert await client.event() == batch(["hello"])
    await nothing_waits(redis, user)
    again = await browser.open(pair.other)
    await pair.one.send(user.room, "marker")
    assert await again.event() == stored("marker")


async def test_an_ack_out_of_order_on_one_process_resyncs_a_tab_on_the_other(
    pair: Pair, browser: Browser, user: User
) -> None:
    tab = await browser.open(pair.one, withhold_acks=True)
    other_tab = await browser.open(pair.other, withhold_acks=True)
    for number in range(2):
        await pair.other.send(user.room, "update", number, resync="true")
    _, second = await tab.events(2)
    await other_tab.events(2)
    tab.ack(second)
    for client in (tab, other_tab):
        assert await client.event() == resync("out_of_order")
    await pair.one.send(shared_room(user), "marker")
    for client in (tab, other_tab):
        assert await client.event() == broadcast("marker")  # one incident, told once


async def test_an_overflow_through_one_process_is_told_on_the_other(
    pair: Pair, browser: Browser, user: User, redis: Redis
) -> None:
    client = await browser.open(pair.one, withhold_acks=True)
    for start in range(0, QUEUE_LIMIT + 1, BATCH_LIMIT):
        numbers = range(start, min(start + BATCH_LIMIT, QUEUE_LIMIT + 1))
        messages = [{"rooms": user.room, "event": "n", "args": [number]} for number in numbers]
        async with pair.other.http.post("/send/batch", params=QUERY, json=messages) as response:
            assert all(answer["ok"] for answer in await response.json())
    heard = []
    while (event := await client.event()) != resync("overflow"):
        heard.append(event)
    assert heard == [stored("n", number) for number in range(len(heard))]
    await nothing_is_left_to_tell(redis, user)
    again = await browser.open(pair.other)
    await pair.one.send(user.room, "marker")
    assert await again.event() == stored("marker")


async def test_an_idempotency_key_repeated_on_the_other_process_stores_nothing(
    pair: Pair, browser: Browser, user: User, redis: Redis
) -> None:
    client = await browser.open(pair.one, withhold_acks=True)
    rooms = [user.room, shared_room(user)]
    first = await post(pair.one.http, rooms, "hello", key=user.token)
    again = await post(pair.other.http, rooms, "hello", key=user.token)
    assert first.status == again.status == 200
    assert first.answer == again.answer
    assert await waiting(redis, user) == 1
    await pair.other.send(user.room, "marker")
    assert await client.events(2) == [stored("hello"), stored("marker")]


async def test_a_disabled_site_sends_away_the_clients_of_both_processes(
    pair: Pair, browser: Browser, user: User
) -> None:
    clients = [await browser.open(each, "plainsite") for each in (pair.one, pair.other)]
    neighbours = [await browser.open(each) for each in (pair.one, pair.other)]
    await pair.one.installation.manage("shell", "-c", f"{DISABLE} s.is_enabled = False; s.save()")
    for client in clients:
        assert (await client.next("disconnect"))["reason"] == "io server disconnect"
    await pair.one.send(user.room, "marker")
    for neighbour in neighbours:
        assert await neighbour.event() == stored("marker")
        assert not neighbour.has_heard("disconnect")


async def test_two_processes_never_make_the_same_id(pair: Pair, user: User) -> None:
    async def ids(service: Service) -> list[int]:
        answers = [await service.send(shared_room(user), "hello") for _ in range(IDS)]
        return [int(answer["id"]) for answer in answers]

    of_one, of_other = await asyncio.gather(ids(pair.one), ids(pair.other))
    assert len({*of_one, *of_other}) == 2 * IDS
    makers = {each >> GENERATOR_SHIFT & GENERATOR_MASK for each in of_one + of_other}
    assert len(makers) == 2
    assert of_one == sorted(of_one)
    assert of_other == sorted(of_other)
