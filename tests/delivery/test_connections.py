"""One socket: what it is sent, under which ack ids, and what its acks stand for."""

from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest

from delivery import connections as connections_module
from delivery.feeds import Feed
from delivery.queue_values import Ack
from tests.delivery.connection_fixtures import (
    EPOCH,
    USER_1,
    USER_2,
    Client,
    client,
    double,
    make_client,
    waiting,
)
from tests.delivery.socket_fixtures import FakeSocket, Sent

__all__ = ["client", "double"]


@dataclass
class Sockets:
    """Where the connection looks for its transport."""

    socket: FakeSocket | None = field(default_factory=FakeSocket)


def test_rooms_with_the_prefix_of_the_site_are_the_users_own(client: Client) -> None:
    assert client.connection.devices == [USER_1]
    assert make_client("user_1", "staff", name="other").connection.namespace == "/other"


def test_stored_messages_come_one_by_one_each_with_an_ack_id_of_its_own(client: Client) -> None:
    client.send(USER_1, waiting(7), waiting(8))
    assert client.socket.sent == [
        Sent("/newsite", 1, ["update", 7]),
        Sent("/newsite", 2, ["update", 8]),
    ]
    assert client.acks == []


def test_ack_of_a_message_is_passed_on_and_checks_the_order(client: Client) -> None:
    client.send(USER_1, waiting(7), waiting(8))
    assert client.connection.acknowledge(2)
    assert client.acks == [Ack(USER_1, EPOCH, (8,), True, ("8",))]


@pytest.mark.parametrize("ack_id", [0, 1, 3, -1])
def test_ack_of_nothing_that_waits_for_one_does_nothing(client: Client, ack_id: int) -> None:
    client.send(USER_1, waiting(7), waiting(8))
    client.connection.acknowledge(1)
    assert not client.connection.acknowledge(ack_id)
    assert client.acked == [("user_1", (7,))]


def test_batch_is_one_event_with_one_ack_that_lets_the_next_one_go(client: Client) -> None:
    done = client.connection.send_batch(USER_1, EPOCH, [waiting(7), waiting(8)])
    assert client.socket.sent == [Sent("/newsite", 1, ["batch", [["update", 7], ["update", 8]]])]
    assert not done.is_set()
    assert client.connection.acknowledge(1)
    assert done.is_set()
    assert client.acks == [Ack(USER_1, EPOCH, (7, 8), False, ("7", "8"))]


def test_resync_tells_its_reason_and_asks_for_no_ack(client: Client) -> None:
    client.connection.send_resync(USER_1, "overflow")
    assert client.socket.sent == [Sent("/newsite", None, ["resync", {"reason": "overflow"}])]


def test_acks_of_what_was_sent_before_a_resync_mean_nothing(client: Client) -> None:
    client.send(USER_1, waiting(7))
    done = client.connection.send_batch(USER_1, EPOCH, [waiting(8)])
    client.connection.send_resync(USER_1, "out_of_order")
    client.send(USER_1, waiting(9))
    assert done.is_set()
    assert [client.connection.acknowledge(ack_id) for ack_id in (1, 2, 3)] == [False, False, True]
    assert client.acked == [("user_1", (9,))]


def test_resync_of_one_room_leaves_the_acks_of_another(double: Client) -> None:
    double.send(USER_1, waiting(7))
    double.send(USER_2, waiting(3, "30"))
    double.connection.send_resync(USER_1, "overflow")
    assert not double.connection.acknowledge(1)
    assert double.connection.acknowledge(2)
    assert double.acked == [("user_2", (3,))]


def test_ack_is_awaited_of_what_was_sent_of_a_room_until_it_comes(double: Client) -> None:
    connection = double.connection
    double.send(USER_1, waiting(7))
    connection.send_batch(USER_2, EPOCH, [waiting(8)])
    assert (connection.awaits_ack_of(USER_1), connection.awaits_ack_of(USER_2)) == (True, True)
    connection.acknowledge(2)
    assert (connection.awaits_ack_of(USER_1), connection.awaits_ack_of(USER_2)) == (True, False)
    connection.acknowledge(1)
    assert not connection.awaits_ack_of(USER_1)


def test_system_events_bear_the_prefix_that_the_site_asks_for() -> None:
    client = make_client("user_1", prefixed_system_events=True)
    client.connection.send_settings({"device_ttl": 3600})
    client.connection.send_batch(USER_1, EPOCH, [waiting(7)])
    client.connection.send_resync(USER_1, "overflow")
    assert client.socket.sent == [
        Sent("/newsite", None, ["_settings", {"device_ttl": 3600}]),
        Sent("/newsite", 1, ["_batch", [["update", 7]]]),
        Sent("/newsite", None, ["_resync", {"reason": "overflow"}]),
    ]


def test_nothing_is_written_to_a_transport_that_is_closed(client: Client) -> None:
    client.socket.closed = True
    client.send(USER_1, waiting(7))
    client.connection.send_resync(USER_1, "overflow")
    assert client.contents == []


def test_nothing_is_written_where_there_is_no_transport_any_more() -> None:
    sockets = Sockets()
    client = make_client("user_1", find_socket=lambda: sockets.socket)
    client.send(USER_1, waiting(7))
    former, sockets.socket = sockets.socket, None
    client.send(USER_1, waiting(8))
    assert former is not None
    assert [sent.content for sent in former.sent] == [["update", 7]]


def test_failure_of_a_feed_closes_the_transport(client: Client) -> None:
    assert client.closed == []
    client.connection.fail()
    assert client.closed == ["The service failed"]


def test_closed_connection_has_its_feeds_closed_and_takes_no_acks(double: Client) -> None:
    closed: list[str] = []
    for room in double.connection.feeds:
        feed = SimpleNamespace(close=partial(closed.append, room))
        double.connection.feeds[room] = cast("Feed", feed)
    double.send(USER_1, waiting(7))
    double.connection.close()
    assert closed == ["user_1", "user_2"]
    assert not double.connection.acknowledge(1)
    assert double.acks == []


def test_acks_that_never_come_are_not_kept_for_ever(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections_module, "MAX_PENDING_ACKS", 2)
    for seq in (1, 2, 3):
        client.connection.send_stored(USER_1, "e1", waiting(seq))
    assert [client.connection.acknowledge(ack_id) for ack_id in (1, 2, 3)] == [False, True, True]


def test_batch_whose_ack_is_waited_for_no_more_lets_the_next_one_go(
    double: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections_module, "MAX_PENDING_ACKS", 1)
    done = double.connection.send_batch(USER_1, EPOCH, [waiting(7)])
    assert not done.is_set()
    double.send(USER_2, waiting(3, "30"))
    assert done.is_set()
    assert double.acks == []
