"""What a client's bytes are taken for under uvicorn: by the short way, by its library, or both."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState
from websockets.frames import Opcode

from delivery.takeover import MAX_PIECES
from delivery.transports import find_websocket
from delivery.uvicorn_websocket import UvicornWebSocket
from tests.delivery.socket_fixtures import until
from tests.delivery.test_daphne_websocket import HANDSHAKE, Listener, cut, frame, texts
from tests.delivery.transport_double import KeepingTransport

Open = Callable[[Listener], Awaitable[UvicornWebSocket]]


@pytest.fixture
def open_websocket() -> Open:
    """Return a websocket that is open, and taken over."""

    async def open_it(listener: Listener) -> UvicornWebSocket:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            websocket = find_websocket(scope)
            assert websocket is not None
            await websocket.take_over(listener)

        config = uvicorn.Config(application, ws=UvicornWebSocket, log_config=None, lifespan="off")
        config.load()
        websocket = UvicornWebSocket(config=config, server_state=ServerState(), app_state={})
        websocket.connection_made(KeepingTransport())
        websocket.data_received(HANDSHAKE)
        await until(lambda: websocket._listener is not None)
        return websocket

    return open_it


@given(texts=texts, data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_texts_are_heard_in_order_however_they_are_cut(
    open_websocket: Open, texts: list[str], data: st.DataObject
) -> None:
    listener = Listener()
    websocket = await open_websocket(listener)
    for piece in cut(b"".join(map(frame, texts)), data):
        websocket.data_received(piece)
    assert listener.heard == texts
    websocket.connection_lost(None)


async def test_short_texts_are_heard_without_the_library(
    open_websocket: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()
    websocket = await open_websocket(listener)
    given: list[bytes] = []
    take = websocket.conn.receive_data

    def note(data: bytes) -> None:
        given.append(data)
        take(data)

    monkeypatch.setattr(websocket.conn, "receive_data", note)
    long = frame("x" * 200)
    rest = long[100:] + frame("d")
    for data in (frame("a"), frame("b") + frame("c") + long[:100], rest):
        websocket.data_received(data)
    websocket.data_received(frame("e"))
    assert listener.heard == ["a", "b", "c", "x" * 200, "d", "e"]
    assert given == [long[:100], rest]
    websocket.connection_lost(None)


async def test_a_message_in_several_frames_is_one(open_websocket: Open) -> None:
    listener = Listener()
    websocket = await open_websocket(listener)
    for part in (
        frame("one, ", fin=False),
        frame(b"", Opcode.PING),
        frame("two", Opcode.CONT),
        frame("three"),
    ):
        websocket.data_received(part)
    assert listener.heard == ["one, two", "three"]
    websocket.connection_lost(None)


async def test_fragments_take_no_more_than_what_is_in_them(open_websocket: Open) -> None:
    listener = Listener()
    websocket = await open_websocket(listener)
    websocket.data_received(frame("", fin=False))
    for number in range(10 * MAX_PIECES):
        websocket.data_received(frame("x" * (number % 2), Opcode.CONT, fin=False))
        assert len(websocket.frames) <= MAX_PIECES
    websocket.data_received(frame("", Opcode.CONT))
    assert listener.heard == [5 * MAX_PIECES * "x"]
    websocket.connection_lost(None)


@pytest.mark.parametrize(
    "wrong",
    [frame(b"\xff"), frame("a", fin=False) + frame("b"), frame(b"", Opcode.CLOSE)],
    ids=["no text", "a text within another", "a close"],
)
async def test_nothing_is_heard_behind_what_ends_it(open_websocket: Open, wrong: bytes) -> None:
    listener = Listener()
    websocket = await open_websocket(listener)
    websocket.data_received(frame("fine"))
    websocket.data_received(wrong)
    websocket.data_received(frame("too late"))
    assert listener.heard == ["fine"]
    websocket.connection_lost(None)


async def test_nothing_is_heard_once_it_is_closed_from_here(open_websocket: Open) -> None:
    listener = Listener()
    websocket = await open_websocket(listener)
    websocket.close("")
    websocket.data_received(frame("too late"))
    assert listener.heard == []
    websocket.connection_lost(None)
