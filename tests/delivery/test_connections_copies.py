"""A message for two rooms of one client comes once, and its ack stands for both."""

import pytest

from delivery import connections as connections_module
from tests.delivery.connection_fixtures import EPOCH, USER_1, USER_2, Client, double, waiting

__all__ = ["double"]


def test_message_for_two_rooms_of_a_client_comes_once_and_its_ack_stands_for_both(
    double: Client,
) -> None:
    double.send(USER_1, waiting(7, "20"))
    double.send(USER_2, waiting(3, "20"))
    assert len(double.contents) == 1
    assert double.acks == []
    double.connection.acknowledge(1)
    assert double.acked == [("user_1", (7,)), ("user_2", (3,))]


def test_copy_that_comes_behind_the_ack_of_the_first_is_acked_at_once(double: Client) -> None:
    double.send(USER_1, waiting(7, "20"))
    double.connection.acknowledge(1)
    double.send(USER_2, waiting(3, "20"))
    assert len(double.contents) == 1
    assert double.acked == [("user_1", (7,)), ("user_2", (3,))]


def test_copy_of_a_batched_message_joins_the_ack_of_the_batch(double: Client) -> None:
    double.connection.send_batch(USER_1, EPOCH, [waiting(7, "1"), waiting(8, "2")])
    double.send(USER_2, waiting(3, "2"), waiting(4, "3"))
    assert double.contents[1:] == [["update", 3]]
    double.connection.acknowledge(1)
    assert double.acked == [("user_1", (7, 8)), ("user_2", (3,))]


def test_batch_leaves_out_what_came_before_and_its_ack_stands_for_all(double: Client) -> None:
    double.send(USER_1, waiting(7, "1"))
    double.connection.send_batch(USER_2, EPOCH, [waiting(3, "1"), waiting(4, "2")])
    assert double.contents == [["update", 1], ["batch", [["update", 2]]]]
    double.connection.acknowledge(2)
    assert double.acked == [("user_2", (3, 4))]
    double.connection.acknowledge(1)
    assert double.acked == [("user_2", (3, 4)), ("user_1", (7,))]


def test_batch_of_nothing_new_is_not_sent_and_done_at_once(double: Client) -> None:
    double.send(USER_1, waiting(7, "1"))
    done = double.connection.send_batch(USER_2, EPOCH, [waiting(3, "1")])
    assert done.is_set()
    assert len(double.contents) == 1
    assert double.acked == [("user_2", (3,))]


def test_resync_of_the_first_copys_room_leaves_the_ack_of_the_second(double: Client) -> None:
    double.send(USER_1, waiting(7, "20"))
    double.send(USER_2, waiting(3, "20"))
    double.connection.send_resync(USER_1, "overflow")
    assert double.connection.acknowledge(1)
    assert double.acked == [("user_2", (3,))]


def test_only_the_last_thousand_messages_are_compared_with(
    double: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connections_module.REMEMBERED_MESSAGES == 1_000
    monkeypatch.setattr(connections_module, "REMEMBERED_MESSAGES", 2)
    double.send(USER_1, waiting(7), waiting(8), waiting(9))
    double.send(USER_2, waiting(2, "8"), waiting(1, "7"))
    assert double.contents == [["update", seq] for seq in (7, 8, 9, 7)]
