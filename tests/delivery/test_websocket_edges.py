"""Daphne's websocket at its edges: gone, stalled, flooded."""

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactor
from twisted.python.failure import Failure

from delivery.daphne_websocket import FlowControlledWebSocket
from delivery.turnstile import Turnstile

FRAME = b"\x81\x05hello"


class ClosedTurnstile(Turnstile):
    """One at which a crowd waits."""

    def _start(self) -> None:
        """It does not turn."""


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


@pytest.fixture
def websocket(ends: tuple[socket.socket, socket.socket]) -> FlowControlledWebSocket:
    """One that is open, on the first of the ends."""
    websocket: Any = FlowControlledWebSocket()
    ends[0].setblocking(False)
    websocket.state = websocket.STATE_OPEN
    websocket.factory = SimpleNamespace(turnstile=ClosedTurnstile())
    websocket.transport = Connection(ends[0], websocket, MemoryReactor())
    websocket.transport.connected = True
    websocket.transport.registerProducer(websocket, True)
    return websocket  # type: ignore[no-any-return]


async def test_frame_goes_out_at_once(
    websocket: FlowControlledWebSocket, ends: tuple[socket.socket, socket.socket]
) -> None:
    assert websocket.write(FRAME)
    assert ends[1].recv(100) == FRAME


async def test_what_the_system_does_not_take_waits_in_its_place(
    websocket: FlowControlledWebSocket, ends: tuple[socket.socket, socket.socket]
) -> None:
    large, received = bytes(range(250)) * 12_000, b""
    assert websocket.write(large)
    assert not websocket.write(FRAME)
    while len(received) < len(large):
        received += ends[1].recv(len(large))
        websocket.transport.doWrite()
    assert received == large
    assert websocket.write(FRAME)
    assert ends[1].recv(100) == FRAME


async def test_twisted_finds_out_that_a_connection_is_lost(
    websocket: FlowControlledWebSocket, ends: tuple[socket.socket, socket.socket]
) -> None:
    ends[1].close()
    assert websocket.write(FRAME)
    assert websocket.transport.doWrite() is CONNECTION_LOST


async def test_nothing_is_written_to_a_connection_that_is_lost_and_not_told_so_yet(
    websocket: FlowControlledWebSocket,
) -> None:
    websocket.transport.connectionLost(Failure(ConnectionLost()))
    assert len(websocket.factory.turnstile) == 1  # the end waits for its turn
    assert not websocket.write(FRAME)


async def test_pings_are_not_answered_while_the_client_does_not_read(
    websocket: FlowControlledWebSocket,
) -> None:
    answered: list[bytes] = []
    websocket.sendPong = answered.append
    websocket.onPing(b"1")
    websocket.pauseProducing()
    websocket.onPing(b"2")
    websocket.resumeProducing()
    websocket.onPing(b"3")
    assert answered == [b"1", b"3"]


async def test_websocket_that_is_not_open_yet_is_cut_when_it_is_to_be_closed_for_a_reason(
    websocket: FlowControlledWebSocket,
) -> None:
    cuts: list[None] = []
    websocket.transport.abortConnection = lambda: cuts.append(None)
    websocket.state = websocket.STATE_CONNECTING
    websocket.close("Too slow")
    assert len(cuts) == 1
