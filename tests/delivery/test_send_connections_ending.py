"""Connections of sites' backends: which are closed, when, and what is answered before."""

from time import monotonic

import pytest

from delivery import http_connection
from delivery.http_connection import KEEP_ALIVE_SECONDS
from tests.delivery.send_connection_fixtures import HEAD, REQUEST, Sender, sender
from tests.delivery.socket_fixtures import until

__all__ = ["sender"]


async def test_running_request_is_answered_before_its_connection_closes(sender: Sender) -> None:
    await sender.read_answer()
    sender.site.released.clear()
    sender.writer.write(REQUEST)
    await until(lambda: len(sender.requests) == 2)
    sender.connections.close()
    assert len(sender.connections.requests) == 1
    sender.site.released.set()
    head, _ = await sender.read_answer()
    assert b"connection: close" in head
    assert await sender.read_rest() == b""


async def test_request_of_a_sender_that_hangs_up_runs_to_its_end_as_it_says(
    sender: Sender,
) -> None:
    await sender.read_answer()
    sender.site.released.clear()
    sender.writer.write(REQUEST)
    await until(lambda: len(sender.requests) == 2)
    sender.writer.transport.abort()
    await until(lambda: not sender.connections.state.connections)
    sender.site.released.set()
    await until(lambda: sender.site.answered == 2)
    assert sender.site.uncut == [True, True]


async def test_idle_connection_closes_at_once(sender: Sender) -> None:
    await sender.read_answer()
    sender.connections.close()
    assert await sender.read_rest() == b""


async def test_request_that_does_not_go_on_is_cut(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sender.read_answer()
    connection = sender.its_connection()
    sender.writer.write(HEAD)
    await until(lambda: connection._is_in_request)
    monkeypatch.setattr(http_connection, "STALL_SECONDS", 0.0)
    connection._close_if_late()
    assert await sender.read_rest() == b""


async def test_idle_connection_is_not_cut_as_one_that_stalls(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sender.read_answer()
    connection = sender.its_connection()
    monkeypatch.setattr(http_connection, "STALL_SECONDS", 1000.0)
    connection._heard_at -= 2000
    connection._close_if_late()
    sender.writer.write(REQUEST)
    assert (await sender.read_answer())[1] == b"done"


async def test_idle_connection_is_closed_in_the_end(sender: Sender) -> None:
    await sender.read_answer()
    connection = sender.its_connection()
    connection._answered_at -= KEEP_ALIVE_SECONDS
    connection._close_if_late()
    assert await sender.read_rest() == b""


async def test_idle_connection_is_kept_until_then(sender: Sender) -> None:
    await sender.read_answer()
    connection = sender.its_connection()
    connection._heard_at -= KEEP_ALIVE_SECONDS
    connection._answered_at -= KEEP_ALIVE_SECONDS - 1
    connection._close_if_late()
    assert connection._watch is not None
    assert connection._watch.when() <= connection.loop.time() + 1
    sender.writer.write(REQUEST)
    assert (await sender.read_answer())[1] == b"done"


async def test_connection_that_waits_for_its_answer_is_not_closed(sender: Sender) -> None:
    await sender.read_answer()
    sender.site.released.clear()
    sender.writer.write(REQUEST)
    await until(lambda: len(sender.requests) == 2)
    connection = sender.its_connection()
    connection._heard_at = connection._answered_at = monotonic() - 1000
    connection._close_if_late()
    sender.site.released.set()
    assert (await sender.read_answer())[1] == b"done"
