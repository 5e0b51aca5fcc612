"""What a client sends is heard, and its end told, on a real connection of Twisted's reactor.

The reactor has an event loop of its own, so these tests run on that one.
"""

import asyncio
import gc
import socket
import struct
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from daphne.server import twisted_loop
from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.python.log import callWithLogger
from websockets.frames import Frame, Opcode

from delivery import direct_reading, takeover
from delivery.daphne_doorway import keep_in_bounds
from tests.delivery.socket_fixtures import until
from tests.delivery.test_daphne_websocket import HANDSHAKE, Listener, make_websocket

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the end cuts the connection


class Client:
    """The client's end of a websocket that is open, and who is to listen at the other."""

    def __init__(self, is_accepted: bool) -> None:
        self.websocket, self.listener = make_websocket(), Listener()
        self.websocket.factory.buildProtocol = lambda address: self.websocket
        if is_accepted:
            self._connect_to_port()
        else:
            self._have_adopted()
        self.websocket.dataReceived(HANDSHAKE)
        self.websocket.serverAccept()

    def _connect_to_port(self) -> None:
        """As all connections come that are not passed on by another process."""
        port: Any = reactor.listenTCP(0, self.websocket.factory, interface="127.0.0.1")
        keep_in_bounds(port)
        self.socket = socket.create_connection(("127.0.0.1", port.getHost().port))

        async def accept() -> None:
            port.doRead()
            await maybeDeferred(port.stopListening).asFuture(twisted_loop)

        twisted_loop.run_until_complete(accept())

    def _have_adopted(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.socket = socket.create_connection(server.getsockname())
            end, _ = server.accept()
        with end:
            factory = self.websocket.factory
            reactor.adoptStreamConnection(end.fileno(), socket.AF_INET, factory)

    def send(self, text: str) -> None:
        self.socket.sendall(Frame(Opcode.TEXT, text.encode()).serialize(mask=True))

    async def is_heard(self, *texts: str) -> None:
        await until(lambda: self.listener.heard == list(texts))


@pytest.fixture(params=[True, False], ids=["directly", "as Twisted has it"])
def can_read_directly(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    can: bool = request.param
    monkeypatch.setattr(direct_reading, "CAN_READ_DIRECTLY", can)
    return can


@pytest.fixture(params=[True, False], ids=["accepted", "adopted"])
def client(request: pytest.FixtureRequest, can_read_directly: bool) -> Iterator[Client]:
    client = Client(is_accepted=request.param)

    async def end() -> None:
        client.websocket.abort()
        client.socket.close()
        await until(lambda: not client.websocket.transport.connected)

    twisted_loop.run_until_complete(client.websocket.take_over(client.listener))
    yield client
    twisted_loop.run_until_complete(end())


def test_it_is_read_past_the_log_of_twisted(client: Client, can_read_directly: bool) -> None:
    """Which is what asyncio calls otherwise."""
    key = twisted_loop._selector.get_key(client.websocket.transport.fileno())
    handle, _ = key.data
    assert (handle._callback is callWithLogger) != can_read_directly


def test_what_comes_is_heard_also_after_a_rest(client: Client) -> None:
    async def rest() -> None:
        client.send("first")
        await client.is_heard("first")
        client.websocket._pause_reading()
        client.send("second")
        client.websocket._resume_reading()
        await client.is_heard("first", "second")

    twisted_loop.run_until_complete(rest())


def test_who_is_given_up_is_heard_no_more(client: Client) -> None:
    async def send_on() -> None:
        client.websocket.stop_reading()
        client.send("too late")
        for _ in range(10):
            await asyncio.sleep(0)

    twisted_loop.run_until_complete(send_on())
    assert client.listener.heard == []


def test_who_is_given_up_is_cut_although_its_close_is_not_read(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def give_up() -> None:
        client.websocket.stop_reading()
        client.websocket.sendClose()
        await until(lambda: client.listener.has_ended)

    monkeypatch.setattr(takeover, "LINGER_SECONDS", 0.0)
    twisted_loop.run_until_complete(give_up())


@pytest.mark.parametrize("linger", [None, RESET], ids=["hangs up", "cuts"])
def test_the_end_is_told_of_a_client_that(client: Client, linger: bytes | None) -> None:
    if linger is not None:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    client.socket.close()
    twisted_loop.run_until_complete(until(lambda: client.listener.has_ended))
    assert client.websocket.transport not in reactor.getReaders()


@pytest.mark.parametrize("linger", [None, RESET], ids=["hangs up", "cuts"])
def test_the_end_leaves_nothing_that_only_a_look_through_all_objects_finds(
    linger: bytes | None,
) -> None:
    client = Client(is_accepted=True)
    twisted_loop.run_until_complete(client.websocket.take_over(client.listener))
    known = weakref.ref(client.websocket)
    gc.collect()
    gc.disable()
    try:
        if linger is not None:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        client.socket.close()
        client.websocket = None
        twisted_loop.run_until_complete(until(lambda: known() is None))
    finally:
        gc.enable()
    assert client.listener.has_ended


def test_a_failure_of_who_listens_ends_the_connection(client: Client) -> None:
    def fail(packet: str | bytes) -> None:
        raise ZeroDivisionError

    client.listener.hear = fail  # type: ignore[method-assign]
    client.send("x")
    twisted_loop.run_until_complete(until(lambda: client.listener.has_ended))
