"""Where connections come in: clients' handshakes wait their turn, requests do not."""

import socket
from dataclasses import dataclass, field
from typing import Any

import pytest

from delivery import daphne_doorway
from delivery.daphne_doorway import (
    ACCEPTS_AT_ONCE,
    MAX_HELD_BYTES,
    READ_BYTES,
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
    """What reads requests of one connection."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.lost: list[str] = []

    def makeConnection(self, transport: "Transport") -> None:
        transport.taken_over += 1

    def dataReceived(self, data: bytes) -> None:
        self.received.append(data)

    def connectionLost(self, reason: str) -> None:
        self.lost.append(reason)


class Transport:
    """A connection of Twisted's, and what it calls."""

    def __init__(self, connection: Any = None) -> None:
        self.protocol: Any = None
        self.bufferSize = 65_536
        self.is_undelayed = False
        self.is_closed = False
        self.taken_over = 0
        self._connection = connection

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.is_undelayed = enabled

    def getPeer(self) -> str:
        return "peer"

    def fileno(self) -> int:
        fd: int = self._connection.fileno()
        return fd

    def loseConnection(self) -> None:
        self.is_closed = True


class Connection:
    """A connection behind a doorway, and what reads its requests when it is its turn."""

    def __init__(self, mail: Mail | None = None, connection: Any = None) -> None:
        self.protocol = Protocol()
        self.turnstile = Turnstile()
        self.transport = Transport(connection)
        doorway = Doorway(lambda peer: self.protocol, self.turnstile, mail)
        self.transport.protocol = doorway
        doorway.makeConnection(self.transport)

    def receive(self, data: bytes) -> None:
        self.transport.protocol.dataReceived(data)

    def lose(self, reason: str) -> None:
        self.transport.protocol.connectionLost(reason)

    @property
    def received(self) -> list[bytes]:
        return self.protocol.received


async def test_request_goes_ahead_at_once_and_so_does_what_follows() -> None:
    connection = Connection()
    connection.receive(REQUEST)
    connection.receive(HANDSHAKE)
    assert connection.received == [REQUEST, HANDSHAKE]
    assert connection.transport.taken_over == 1


async def test_handshake_waits_for_its_turn_and_comes_whole() -> None:
    connection = Connection()
    connection.receive(HANDSHAKE)
    connection.receive(b"\r\n")
    assert connection.received == []
    await until(lambda: connection.received)
    connection.receive(b"frame")
    assert connection.received == [HANDSHAKE + b"\r\n", b"frame"]


async def test_connection_that_is_lost_while_it_waits_is_not_served() -> None:
    connection = Connection()
    connection.receive(HANDSHAKE)
    connection.lose("reset")
    await until(lambda: not len(connection.turnstile))
    assert (connection.received, connection.transport.taken_over) == ([], 0)


async def test_what_reads_requests_hears_when_the_connection_is_lost() -> None:
    connection = Connection()
    connection.receive(REQUEST)
    connection.lose("reset")
    assert connection.protocol.lost == ["reset"]


async def test_more_than_a_handshake_is_not_held() -> None:
    connection = Connection()
    connection.receive(HANDSHAKE)
    connection.receive(b"x" * MAX_HELD_BYTES)
    assert len(connection.received) == 1


async def test_little_is_read_at_a_time_and_nothing_written_late() -> None:
    connection = Connection()
    assert connection.transport.bufferSize == READ_BYTES
    assert connection.transport.is_undelayed


@pytest.mark.parametrize("sent", [b"", HANDSHAKE])
async def test_connection_that_asks_for_nothing_in_time_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(daphne_doorway, "LONGEST_SECONDS", 0.0)
    monkeypatch.setattr(Turnstile, "enter", lambda self, work: None)  # its turn does not come
    connection = Connection()
    if sent:
        connection.receive(sent)
    await until(lambda: connection.transport.is_closed)


async def test_connection_whose_turn_has_come_has_no_deadline_here() -> None:
    connection = Connection()
    doorway = connection.transport.protocol
    timer = doorway._deadline
    connection.receive(REQUEST)
    assert timer.cancelled()
    assert doorway._deadline is None


class NumberOneOfTwo(Mail):
    """A mailbox that tells what it would send."""

    def send(self, owner: int, fd: int, read: bytes) -> bool:
        sent.append((owner, read))
        return False


sent: list[tuple[int, bytes]] = []


async def test_request_line_that_comes_in_pieces_is_read_whole_before_it_is_passed_on() -> None:
    sent.clear()
    one, other = socket.socketpair()
    with one, other:
        connection = Connection(NumberOneOfTwo(0, one, (one, other)), connection=one)
        request = b"GET /socket.io/?EIO=4&transport=polling&sid=bK3x HTTP/1.1\r\n"
        for start in range(0, len(request), 20):
            assert connection.received == []
            connection.receive(request[start : start + 20])
        connection.receive(b"Host: x\r\n")
        assert sent == [(1, request)]
        await until(lambda: connection.received)


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
    mail = NumberOneOfTwo(0, None, (None, None))  # type: ignore[arg-type]
    connection = Connection(mail)
    connection.receive(line + b"\r\n\r\n")
    await until(lambda: connection.received)
    assert (b"\r\nConnection: close\r\n" in connection.received[0]) is is_the_last


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
