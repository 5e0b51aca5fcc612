"""A connection whose transport writes down what it is sent, and its acks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from delivery.connections import Connection
from delivery.counters import SiteCounts
from delivery.feeds import Feed
from delivery.journal import Journal
from delivery.queue_values import Ack, Device, Waiting
from delivery.queues import Queues
from tests.delivery.http_fixtures import make_site
from tests.delivery.socket_fixtures import FakeSocket

USER_1 = Device("newsite", "user_1", "phone")
USER_2 = Device("newsite", "user_2", "phone")
EPOCH = "e1"


@dataclass
class Client:
    """A connection with what it sent and what it was told of acks."""

    connection: Connection
    socket: FakeSocket
    closed: list[str]
    acks: list[Ack]

    @property
    def contents(self) -> list[list[Any]]:
        return [sent.content for sent in self.socket.sent]

    @property
    def acked(self) -> list[tuple[str, tuple[int, ...]]]:
        return [(ack.device.room, ack.seqs) for ack in self.acks]

    def send(self, device: Device, *messages: Waiting) -> None:
        for message in messages:
            self.connection.send_stored(device, EPOCH, message)


def make_client(
    *rooms: str, find_socket: Callable[[], FakeSocket | None] | None = None, **fields: Any
) -> Client:
    socket = FakeSocket()
    closed: list[str] = []
    acks: list[Ack] = []
    connection = Connection(
        sid="sid1",
        site=make_site(**fields),
        device_id="phone",
        rooms=rooms,
        find_socket=find_socket or (lambda: socket),
        close_transport=closed.append,
        submit_acks=acks.extend,
        counts=SiteCounts(),
        journal=Journal(),
    )
    for device in connection.devices:
        connection.feeds[device.room] = Feed(device, cast("Queues", None), connection)
    return Client(connection, socket, closed, acks)


@pytest.fixture
def client() -> Client:
    """In one user room."""
    return make_client("user_1", "staff")


@pytest.fixture
def double() -> Client:
    """In two user rooms."""
    return make_client("user_1", "user_2")


def waiting(seq: int, message_id: str = "") -> Waiting:
    message_id = message_id or str(seq)
    return Waiting(seq, message_id, False, f'["update",{message_id}]')
