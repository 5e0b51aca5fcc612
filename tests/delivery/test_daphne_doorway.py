"""Where connections come in: clients' handshakes wait their turn, requests do not."""

import socket
from dataclasses import dataclass, field

import pytest

from delivery.daphne_doorway import (
    ACCEPTS_AT_ONCE,
    MAX_HELD_BYTES,
    SEND_BUFFER_BYTES,
    Doorway,
    keep_in_bounds,
)
from delivery.mail import Mail
from delivery.turnstile import Turnstile
from tests.delivery.socket_fixtures import until

REQUEST = b"POST /send?site=newsite HTTP/1.1\r\n\r\n"
HANDSHAKE = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"


class Protocol:
    """What Twisted calls for one connection."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.lost: list[str] = []

    def dataReceived(self, data: bytes) -> None:
        self.received.append(data)

    def connectionLost(self, reason: str) -> None:
        self.lost.append(reason)


def protocol_behind_a_doorway() -> Protocol:
    protocol = Protocol()
    Doorway(protocol, Turnstile())
    return protocol


def test_request_goes_ahead_at_once_and_so_does_what_follows() -> None:
    protocol = protocol_behind_a_doorway()
    protocol.dataReceived(REQUEST)
    protocol.dataReceived(HANDSHAKE)
    assert protocol.received == [REQUEST, HANDSHAKE]


async def test_handshake_waits_for_its_turn_and_comes_whole() -> None:
    protocol = protocol_behind_a_doorway()
    protocol.dataReceived(HANDSHAKE)
    protocol.dataReceived(b"\r\n")
    assert protocol.received == []
    await until(lambda: protocol.received)
    protocol.dataReceived(b"frame")
    assert protocol.received == [HANDSHAKE + b"\r\n", b"frame"]


async def test_connection_that_is_lost_while_it_waits_is_not_served() -> None:
    turnstile, protocol = Turnstile(), Protocol()
    Doorway(protocol, turnstile)
    protocol.dataReceived(HANDSHAKE)
    protocol.connectionLost("reset")
    await until(lambda: not len(turnstile))
    assert (protocol.received, protocol.lost) == ([], ["reset"])


async def test_more_than_a_handshake_is_not_held() -> None:
    protocol = protocol_behind_a_doorway()
    protocol.dataReceived(HANDSHAKE)
    protocol.dataReceived(b"x" * MAX_HELD_BYTES)
    assert len(protocol.received) == 1


class NumberOneOfTwo(Mail):
    """A mailbox that tells what it would send."""

    def send(self, owner: int, fd: int, read: bytes) -> bool:
        sent.append((owner, read))
        return False


sent: list[tuple[int, bytes]] = []


async def test_request_line_that_comes_in_pieces_is_read_whole_before_it_is_passed_on() -> None:
    sent.clear()
    protocol = Protocol()
    one, other = socket.socketpair()
    with one, other:
        doorway = Doorway(protocol, Turnstile(), NumberOneOfTwo(0, one, (one, other)))
        doorway._transport = one
        request = b"GET /socket.io/?EIO=4&transport=polling&sid=bK3x HTTP/1.1\r\n"
        for start in range(0, len(request), 20):
            assert protocol.received == []
            protocol.dataReceived(request[start : start + 20])
        protocol.dataReceived(b"Host: x\r\n")
        assert sent == [(1, request)]
        await until(lambda: protocol.received)


@pytest.mark.parametrize(
    ("line", "is_the_last"),
    [
        (b"GET /admin/ HTTP/1.1", True),
        (b"OPTIONS /socket.io/ HTTP/1.1", True),
        (b"POST /send?site=newsite HTTP/1.1", False),
        (b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1", True),
        (b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", False),
    ],
)
async def test_connection_ends_after_a_request_that_a_poll_may_follow(
    line: bytes, is_the_last: bool
) -> None:
    protocol = Protocol()
    Doorway(protocol, Turnstile(), NumberOneOfTwo(0, None, (None, None)))  # type: ignore[arg-type]
    protocol.dataReceived(line + b"\r\n\r\n")
    await until(lambda: protocol.received)
    assert (b"\r\nConnection: close\r\n" in protocol.received[0]) is is_the_last


@dataclass
class Port:
    """A listening port of Twisted, which counts up what it takes at a time."""

    socket: socket.socket
    numberAccepts: int = 100
    taken: list[int] = field(default_factory=list)

    def doRead(self) -> None:
        self.taken.append(self.numberAccepts)
        self.numberAccepts += 20


def test_port_takes_few_connections_at_a_time_that_keep_little() -> None:
    with socket.socket() as listener:
        port = Port(listener)
        keep_in_bounds(port)
        port.doRead()
        port.doRead()
        kept = listener.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    assert port.taken == [ACCEPTS_AT_ONCE, ACCEPTS_AT_ONCE]
    assert kept <= 2 * SEND_BUFFER_BYTES
