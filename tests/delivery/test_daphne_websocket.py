"""What a client's bytes are taken for: by the short way, by autobahn, or by both in turn."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from daphne.ws_protocol import WebSocketFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.python.failure import Failure
from websockets.frames import Frame, Opcode

from delivery import takeover
from delivery.daphne_server import DaphneServer
from delivery.daphne_websocket import FlowControlledWebSocket
from delivery.heads import Heads
from delivery.idle_websocket import AT_FIRST, OF_HANDSHAKE
from delivery.listening import Place
from delivery.turnstile import Turnstile
from tests.delivery.socket_fixtures import until

HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
texts = st.lists(st.text(max_size=300), max_size=12)


class Listener:
    def __init__(self) -> None:
        self.heard: list[str | bytes] = []
        self.has_ended = False

    def hear(self, packet: str | bytes) -> None:
        self.heard.append(packet)

    def write_on(self) -> None: ...

    def end(self) -> None:
        self.has_ended = True


class Server:
    """The part of daphne's that a websocket needs."""

    root_path = ""
    proxy_forwarded_address_header = None

    def protocol_connected(self, protocol: object) -> None: ...

    def protocol_disconnected(self, protocol: object) -> None: ...

    def log_action(self, *_: object) -> None: ...

    def note_taken(self, protocol: object) -> None: ...

    def note_gone(self, protocol: object) -> None: ...

    def create_application(self, protocol: object, scope: object) -> "asyncio.Queue[Any]":
        return asyncio.Queue()


Open = Callable[[], FlowControlledWebSocket]


@pytest.fixture
def open_websocket() -> Open:
    """Return a websocket that is open, on a transport that keeps what is written."""

    def open_it() -> FlowControlledWebSocket:
        websocket = make_websocket()
        transport = StringTransportWithDisconnection()
        transport.protocol = websocket
        websocket.makeConnection(transport)
        websocket.dataReceived(HANDSHAKE)
        websocket.serverAccept()
        return cast("FlowControlledWebSocket", websocket)

    return open_it


def make_websocket() -> Any:
    """Return one that awaits a transport and HANDSHAKE."""
    factory = WebSocketFactory(Server())
    factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0)
    factory.turnstile = Turnstile()
    websocket: Any = FlowControlledWebSocket.configured(factory)()
    websocket.factory = factory
    websocket._raw_query_string = b"EIO=4&transport=websocket"
    return websocket


def frame(text: str | bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return Frame(opcode, data, fin=fin).serialize(mask=True)


def cut(wire: bytes, data: st.DataObject) -> Iterator[bytes]:
    """The pieces in which a network may bring it."""
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        yield wire[:size]
        wire = wire[size:]


@given(texts=texts, data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_texts_are_heard_in_order_however_they_are_cut(
    open_websocket: Open, texts: list[str], data: st.DataObject
) -> None:
    websocket, listener = open_websocket(), Listener()
    await websocket.take_over(listener)
    for piece in cut(b"".join(map(frame, texts)), data):
        websocket.dataReceived(piece)
    assert listener.heard == texts


async def test_who_sends_what_is_dear_to_read_is_read_again_after_a_rest(
    open_websocket: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "LONG_SECONDS", -1.0)  # whatever takes time is long
    websocket, listener = open_websocket(), Listener()
    await websocket.take_over(listener)
    websocket.dataReceived(frame("x"))
    assert websocket.transport.producerState == "producing"
    websocket.dataReceived(20 * frame("x" * 100))
    assert websocket.transport.producerState == "paused"
    await until(lambda: websocket.transport.producerState == "producing")
    assert len(listener.heard) == 21


async def test_who_is_given_up_is_not_read_again(
    open_websocket: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "LONG_SECONDS", -1.0)
    monkeypatch.setattr(takeover, "RESTS", 0)
    websocket = open_websocket()
    await websocket.take_over(Listener())
    websocket.dataReceived(20 * frame("x" * 100))
    websocket.stop_reading()
    websocket._read_on()
    assert websocket.transport.producerState == "paused"


async def test_what_came_before_is_heard_first(open_websocket: Open) -> None:
    websocket, listener = open_websocket(), Listener()
    websocket.application_queue.get_nowait()  # the websocket.connect that an application takes
    websocket.dataReceived(frame("first") + frame(b"\x00", Opcode.BINARY) + frame("se"[:1]))
    await websocket.take_over(listener)
    websocket.dataReceived(frame("last"))
    assert listener.heard == ["first", b"\x00", "s", "last"]


async def test_an_idle_one_keeps_what_is_its_own_and_nothing_of_its_handshake(
    open_websocket: Open,
) -> None:
    websocket = open_websocket()
    websocket.greet(b"")
    given = vars(websocket).copy()
    assert given.keys() >= AT_FIRST | OF_HANDSHAKE
    assert not any(given[name] for name in AT_FIRST)
    await websocket.take_over(Listener())
    assert not vars(websocket).keys() & (AT_FIRST | OF_HANDSHAKE)
    assert (len(websocket.data), len(websocket.send_queue)) == (0, 0)


async def test_what_has_begun_when_it_is_taken_over_goes_on(open_websocket: Open) -> None:
    websocket, listener = open_websocket(), Listener()
    whole = frame("x" * 200)
    websocket.dataReceived(whole[:150])
    await websocket.take_over(listener)
    websocket.dataReceived(whole[150:])
    assert listener.heard == ["x" * 200]


async def test_a_message_in_several_frames_is_one(open_websocket: Open) -> None:
    websocket, listener = open_websocket(), Listener()
    await websocket.take_over(listener)
    websocket.dataReceived(frame("one, ", fin=False) + frame("two", Opcode.CONT) + frame("three"))
    assert listener.heard == ["one, two", "three"]


async def test_fragments_take_no_more_than_what_is_in_them(open_websocket: Open) -> None:
    websocket, listener = open_websocket(), Listener()
    await websocket.take_over(listener)
    websocket.dataReceived(frame("", fin=False))
    for number in range(10 * takeover.MAX_PIECES):
        websocket.dataReceived(frame("x" * (number % 2), Opcode.CONT, fin=False))
        assert len(websocket.message_data) <= takeover.MAX_PIECES
    websocket.dataReceived(frame("", Opcode.CONT))
    assert listener.heard == [5 * takeover.MAX_PIECES * "x"]


async def test_a_text_that_is_none_closes_the_websocket(open_websocket: Open) -> None:
    websocket, listener = open_websocket(), Listener()
    await websocket.take_over(listener)
    websocket.dataReceived(frame("fine") + frame(b"\xff") + frame("too late"))
    assert listener.heard == ["fine"]
    assert websocket.state != websocket.STATE_OPEN


async def test_a_frame_that_is_not_masked_closes_the_websocket(open_websocket: Open) -> None:
    websocket, listener = open_websocket(), Listener()
    await websocket.take_over(listener)
    websocket.dataReceived(Frame(Opcode.TEXT, b"x").serialize(mask=False))
    assert listener.heard == []
    assert websocket.state != websocket.STATE_OPEN


async def test_the_end_is_told_once_and_logged_behind(open_websocket: Open) -> None:
    websocket, listener = open_websocket(), Listener()
    assert not websocket.tell_end(lambda: None)
    await websocket.take_over(listener)
    ended: list[bool] = []
    assert websocket.tell_end(lambda: ended.append(listener.has_ended))
    websocket.onClose(True, 1000, "")
    websocket.onClose(True, 1000, "")
    assert ended == [True]
    assert not websocket.tell_end(lambda: None)


async def test_one_that_ended_before_it_was_taken_over_ends_at_once(open_websocket: Open) -> None:
    websocket, listener = open_websocket(), Listener()
    websocket.onClose(False, 1006, "")
    await websocket.take_over(listener)
    assert listener.has_ended


async def test_nothing_is_written_to_a_connection_that_is_lost(open_websocket: Open) -> None:
    websocket, listener = open_websocket(), Listener()
    await websocket.take_over(listener)
    websocket.transport.connected = False
    websocket.connectionLost(Failure(ConnectionDone()))
    assert not websocket.write(b"\x81\x01x")
    assert not listener.has_ended


async def test_a_refused_websocket_that_hangs_up_late_is_known_no_more() -> None:
    server = DaphneServer(None, Place("127.0.0.1", 0), 1, Heads())
    server.connections = {}  # made when it runs
    refused = object()
    server.protocol_connected(refused)
    server.protocol_disconnected(refused)
    assert "disconnected" in server.connections.pop(refused)  # as daphne's checker does
    server.protocol_disconnected(refused)
    assert server.connections == {}
