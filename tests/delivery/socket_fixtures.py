"""One process of the service for the tests of the socket side: real queues, a real
backplane of its own, and browser tabs that write down what they get.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
import pytest_asyncio
from channels.layers import channel_layers

from delivery import connections
from delivery.acks import Acks
from delivery.backplane import Backplane, Broadcast
from delivery.connections import Connection
from delivery.counters import Counters
from delivery.journal import Journal
from delivery.message import Message, text_of
from delivery.payloads import SendRequest
from delivery.publish import Publisher
from delivery.queues import Queues
from delivery.send_queue import SendQueue
from delivery.storing import Storing
from delivery.switchboard import Switchboard
from delivery.tasks import Tasks
from sites.snapshots import SiteSnapshot
from tests.delivery.http_fixtures import make_site

TIMEOUT_SECONDS = 20
BARRIER = "barrier"  # a room that every process of a test is in

_ids = itertools.count(1)


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop turn until the condition holds."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():  # noqa: ASYNC110, whatever it looks at sets no event
            await asyncio.sleep(0)


@dataclass(frozen=True)
class Sent:
    """One event as a client gets it; ack_id None = it is not asked for an ack."""

    namespace: str
    ack_id: int | None
    content: list[Any]  # [event, *args]


class FakeSocket(SendQueue):
    """A transport that writes down what is put on its queue, and is its own queue; a test
    sets `unsent_bytes`, and `clear` makes the transport read again."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False
        self.sent: list[Sent] = []

    @property
    def queue(self) -> SendQueue:
        return self

    def put_nowait(self, packet: Any) -> None:
        match = re.fullmatch(r"42(/[^,]+),(\d*)(\[.*)", packet.encode())
        assert match is not None
        namespace, number, text = match.groups()
        self.sent.append(Sent(namespace, int(number) if number else None, orjson.loads(text)))


@dataclass
class Tab:
    """One browser tab: a socket and what it got."""

    connection: Connection
    socket: FakeSocket
    is_closed_by_server: asyncio.Event
    reasons: list[str]  # why it was closed

    @property
    def events(self) -> list[list[Any]]:
        return [sent.content for sent in self.socket.sent]

    @property
    def resyncs(self) -> list[str]:
        event = self.connection.site.resync_event
        return [args["reason"] for name, args, *_ in self.events if name == event]

    async def wait_for(self, count: int) -> list[Sent]:
        await until(lambda: len(self.socket.sent) >= count)
        return self.socket.sent

    def acknowledge(self, index: int) -> bool:
        """Ack the event at this place of `events`."""
        ack_id = self.socket.sent[index].ack_id
        assert ack_id is not None
        return self.connection.acknowledge(ack_id)


@dataclass
class Process:
    """The socket side of one process, running."""

    queues: Queues
    backplane: Backplane
    site: SiteSnapshot = field(default_factory=make_site)
    tasks: Tasks = field(default_factory=Tasks)
    heard: list[dict[str, Any]] = field(default_factory=list)  # all but the barrier

    def __post_init__(self) -> None:
        self.counters = Counters()  # of the publisher
        self.journal = Journal(max_messages=1_000)
        self.switchboard = Switchboard(self.queues, self.backplane, Counters(), self.journal)
        self.acks = Acks(self.queues, self.backplane, self.switchboard)
        self.take_queues(self.queues)
        self._barriers: set[str] = set()

    def take_queues(self, queues: Queues, ids: Iterator[int] = _ids) -> None:
        """Publish to these, under these ids."""
        backplane, counters = self.backplane, self.counters
        self.storing = Storing(queues, backplane, self.switchboard, counters)
        new_id = ids.__next__
        self.publisher = Publisher(queues, self.storing, backplane, new_id, counters, self.journal)

    async def start(self) -> None:
        await self.backplane.start()
        await self.backplane.join(self.site.name, [BARRIER])
        self.backplane.listen(self._hear)
        self.tasks.start(self.acks.run())

    async def stop(self) -> None:
        for connection in self.switchboard:
            await self.switchboard.leave(connection)
        await self.tasks.cancel()
        await self.backplane.close()
        await self.switchboard.end()

    async def connect(self, *rooms: str, device: str = "", sid: str = "") -> Tab:
        """Join the rooms and go live."""
        tab = self.make_tab(*rooms, device=device, sid=sid)
        await self.switchboard.join(tab.connection)
        self.switchboard.go_live(tab.connection)
        return tab

    def make_tab(self, *rooms: str, device: str = "", sid: str = "") -> Tab:
        socket, closed, reasons = FakeSocket(), asyncio.Event(), list[str]()

        def close(reason: str) -> None:
            reasons.append(reason)
            closed.set()

        connection = Connection(
            sid=sid or f"sid{next(_ids)}",
            site=self.site,
            device_id=device,
            rooms=rooms,
            find_socket=lambda: socket,
            close_transport=close,
            submit_acks=self.acks.submit,
            counts=self.switchboard.counters.of(self.site.name),
            journal=self.journal,
        )
        return Tab(connection, socket, closed, reasons)

    async def leave(self, tab: Tab) -> None:
        await self.switchboard.leave(tab.connection)

    async def publish(self, *rooms: str, content: list[Any], resync: bool = False) -> None:
        event, *args = content
        request = SendRequest(rooms, event, text_of(event, args), None)
        await self.publisher.publish(self.site, request, resync)

    async def settle(self) -> None:
        """Return once all that was announced and acked so far has had its effect here."""
        for _ in range(2):  # an ack may announce a resync
            await self.acks.drain(TIMEOUT_SECONDS)
            await self._pass_barrier()
            await until(self._is_live)

    async def _pass_barrier(self) -> None:
        """Announcements come in order: whatever was announced before has come, too."""
        message = Message.build(f"barrier {next(_ids)}", "barrier", [], False, [BARRIER])
        await self.backplane.announce_broadcasts(
            self.site.name, [Broadcast(message, [BARRIER], [])]
        )
        await until(lambda: message.id in self._barriers)

    def _is_live(self) -> bool:
        return all(feed.is_live for each in self.switchboard for feed in each.feeds.values())

    def _hear(self, announcement: dict[str, Any]) -> None:
        if announcement.get("shared") == [BARRIER]:
            self._barriers.add(announcement["id"])
        else:
            self.heard.append(announcement)
            self.switchboard.hear(announcement)


@pytest.fixture(autouse=True)
def acks_count_from_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that tests can name acks; tests/e2e/test_batch.py holds what they begin with for."""
    monkeypatch.setattr(connections, "randrange", lambda _: 0)


@pytest.fixture
def own_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each backplane a Channels layer of its own, as each process has."""
    make_layer = lambda: channel_layers.make_backend("default")  # noqa: E731
    monkeypatch.setattr("delivery.backplane.get_channel_layer", make_layer)


StartProcess = Callable[[], Awaitable[Process]]


@pytest_asyncio.fixture
async def start_process(own_layers: None, queues: Queues) -> AsyncIterator[StartProcess]:
    processes: list[Process] = []

    async def start() -> Process:
        process = Process(queues, Backplane())
        processes.append(process)
        await process.start()
        return process

    yield start
    for process in processes:
        await process.stop()


@pytest_asyncio.fixture
async def process(start_process: StartProcess) -> Process:
    return await start_process()
