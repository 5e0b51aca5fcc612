"""Redis goes away for ten seconds: nobody is disconnected, nothing is lost, all goes on by itself.

Each test has a Redis of its own, which appends what it has to a file.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.e2e.events import Event, batch, broadcast, stored
from tests.e2e.installing import install, site_entries
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.sending import deliver, post
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until
from tests.redis_process import PASSWORD, SERVER_CONFIG, RedisProcess, ending, require_redis

OUTAGE_SECONDS = 10.0
REFUSALS = 5  # of /send, one after the other
REFUSED_WITHIN_SECONDS = 4.0  # promised are about 2
BACK_SECONDS = 15.0  # promised are 2
SHARED_ROOM = "staff"
QUEUE = "sioweb:{{newsite/{}}}:queue:"
# Whoever has heard nothing for a while reads its queue, what has just come among the rest.
LIVE_OR_CAUGHT_UP = (stored("after"), batch(["after"]))
TRANSPORTS = [["websocket"], ["polling"], ["polling", "websocket"]]

each_outage = pytest.mark.parametrize(
    "sign", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"]
)


@dataclass
class Outage:
    """A Redis that goes away and comes back, and the service that lives on it."""

    redis: RedisProcess
    service: Service

    async def begin(self, sign: int) -> None:
        self.redis.signal(sign)
        await self._answers("/readyz", 503)

    async def end(self) -> None:
        await self.redis.bring_back()
        await self._answers("/readyz", 200)

    async def _answers(self, path: str, status: int) -> None:
        async def does() -> bool:
            async with self.service.http.get(path) as response:
                return response.status == status

        await until(does, f"{path} answers {status}", BACK_SECONDS)


@pytest_asyncio.fixture(loop_scope="session")
async def outage(fake_site: FakeSite, tmp_path: Path) -> AsyncIterator[Outage]:
    require_redis()
    redis = RedisProcess(tmp_path / "redis", SERVER_CONFIG)
    with ending([redis]):
        await redis.start()
        url = f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:{redis.port}/0"
        config = {"redis": {"url": url}}
        service = await install(tmp_path / "service", site_entries(fake_site), config).start()
        try:
            yield Outage(redis, service)
        finally:
            await redis.bring_back()
            assert await service.stop() == 0, service.output
        assert not service.failures, service.output


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    return fake_site.new_user(SHARED_ROOM)


async def nobody_leaves(clients: Sequence[NodeClient]) -> None:
    """Look on for the length of the outage."""
    leaving = [asyncio.create_task(each.next("disconnect", OUTAGE_SECONDS)) for each in clients]
    results = await asyncio.gather(*leaving, return_exceptions=True)
    assert all(isinstance(result, AssertionError) for result in results), results


async def is_refused(service: Service, rooms: str | list[str]) -> None:
    reply = await asyncio.wait_for(post(service.http, rooms, "refused"), REFUSED_WITHIN_SECONDS)
    assert reply.status == 503
    assert int(reply.retry_after) > 0
    assert not reply.answer["ok"]


async def is_refused_again_and_again(service: Service) -> None:
    """For rooms where nobody is: what Redis hears only later shows nowhere."""
    for rooms in ("user_nobody", "nobodys", ["user_nobody", "nobodys"]) * 2:
        await is_refused(service, rooms)


async def open_client(
    node: NodeProcess, service: Service, user: User, **options: Any
) -> NodeClient:
    """A client that has caught up: what is sent from now on comes live, each message alone."""
    client = node.open(service.namespace(), auth={"token": user.token}, **options)
    await client.next("connect")
    ready = Event("", [], wants_ack=False)
    while ready != stored("ready"):
        await service.send(user.room, "ready")
        ready = await client.event()
        client.ack(ready)
    return client


@each_outage
async def test_clients_stay_senders_are_refused_and_all_goes_on_by_itself(
    sign: int, outage: Outage, node: NodeProcess, user: User, fake_site: FakeSite
) -> None:
    service = outage.service
    users = [user, *(fake_site.new_user(SHARED_ROOM) for _ in TRANSPORTS[1:])]
    clients = [
        await open_client(node, service, each, transports=transports)
        for each, transports in zip(users, TRANSPORTS, strict=True)
    ]
    hoarding_user = fake_site.new_user(SHARED_ROOM)
    hoarder = await open_client(node, service, hoarding_user, withhold_acks=True)
    everybody = [*clients, hoarder]
    for number in range(3):
        await service.send(hoarding_user.room, "before", number)
    assert await hoarder.events(3) == [stored("before", number) for number in range(3)]

    await outage.begin(sign)
    await asyncio.gather(nobody_leaves(everybody), is_refused_again_and_again(service))
    await is_refused(service, "user_nobody")
    await outage.end()

    rooms = [each.room for each in users]
    await deliver(service.http, rooms, "after", key="after", seconds=BACK_SECONDS)
    for client in clients:
        assert await client.event() in LIVE_OR_CAUGHT_UP
    await deliver(service.http, SHARED_ROOM, "to all", key="to all", seconds=BACK_SECONDS)
    for client in clients:
        assert await client.event() == broadcast("to all")
    assert await hoarder.event() == broadcast("to all")
    assert not any(client.has_heard("disconnect") for client in everybody)
    await hoarder.disconnect()
    hoarder.connect()
    assert await hoarder.event() == batch(*(["before", number] for number in range(3)))


@each_outage
async def test_a_sender_that_repeats_itself_through_an_outage_is_heard_once_and_in_order(
    sign: int, outage: Outage, node: NodeProcess, user: User
) -> None:
    """Redis may get to see, once it goes on, what was asked of it when it did not answer."""
    client = await open_client(node, outage.service, user)

    async def send_both() -> int:
        refused = 0
        to_both = [user.room, SHARED_ROOM]
        for name, rooms in (("first", SHARED_ROOM), ("second", user.room), ("third", to_both)):
            statuses = await deliver(outage.service.http, rooms, name, key=name, seconds=60)
            assert set(statuses) <= {200, 503}
            refused += statuses[503]
        return refused

    await outage.begin(sign)
    sending = asyncio.create_task(send_both())
    for _ in range(REFUSALS):
        await is_refused(outage.service, "user_nobody")
    await outage.end()
    assert await sending > 0
    await outage.service.send(user.room, "marker")
    assert await client.events(4) == [
        broadcast("first"),
        stored("second"),
        stored("third"),
        stored("marker"),
    ]


@each_outage
async def test_an_ack_given_during_an_outage_counts_after_it(
    sign: int, outage: Outage, node: NodeProcess, user: User
) -> None:
    client = await open_client(node, outage.service, user, withhold_acks=True)
    await outage.service.send(user.room, "before", resync="true")
    event = await client.event()

    async def has(waiting: int) -> bool:
        return int(await outage.redis.command("ZCARD", QUEUE.format(user.room))) == waiting

    await until(lambda: has(1), "acks of what came before are in Redis")
    await outage.begin(sign)
    client.ack(event)
    for _ in range(REFUSALS):
        await is_refused(outage.service, "user_nobody")
    await outage.end()
    await until(lambda: has(0), "the ack is in Redis")
    await outage.service.send(user.room, "after", resync="true")
    assert await client.event() in LIVE_OR_CAUGHT_UP


@each_outage
async def test_a_client_that_comes_during_an_outage_is_there_after_it(
    sign: int, outage: Outage, node: NodeProcess, user: User
) -> None:
    await outage.begin(sign)
    client = node.open(
        outage.service.namespace(), auth={"token": user.token}, transports=["websocket"]
    )
    for _ in range(REFUSALS):
        await is_refused(outage.service, "user_nobody")
    assert not client.has_heard("connect")
    await outage.end()
    await client.next("connect", BACK_SECONDS)
    await outage.service.send(user.room, "after")
    assert await client.event() in LIVE_OR_CAUGHT_UP
