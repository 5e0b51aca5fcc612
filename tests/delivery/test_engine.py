"""One Engine.IO connection, as the web server and the timers find it."""

import asyncio
import time
from math import inf
from typing import Any

import pytest
from engineio.exceptions import UnknownPacketError
from engineio.packet import NOOP, Packet

from delivery import hearing
from delivery.engine import PROBE, Engine, Socket
from delivery.hearing import MAX_HEARD_BYTES, MAX_SENT_BYTES
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until


class ProbingWebSocket:
    """python-engineio's end of a websocket on which nothing comes but the packets given."""

    def __init__(self, *packets: str) -> None:
        self._packets = list(packets)
        self.is_closed = False

    async def wait(self) -> str:
        if not self._packets:
            await asyncio.Event().wait()
        return self._packets.pop(0)

    async def send(self, packet: str) -> None: ...

    async def close(self) -> None:
        self.is_closed = True


def polling_socket(**options: Any) -> Socket:
    engine = Engine(async_mode="asgi", **options)
    socket = engine.sockets["sid"] = Socket(engine, "sid")
    socket.connected = True
    return socket


@pytest.mark.parametrize("packets", [(), (PROBE,)])
async def test_websocket_that_does_not_finish_its_probe_is_closed(packets: tuple[str]) -> None:
    socket, websocket = polling_socket(ping_timeout=0.01), ProbingWebSocket(*packets)
    socket.websocket = object()  # type: ignore[assignment]  # one that is not taken over
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await socket._websocket_handler(websocket)
    assert websocket.is_closed
    assert not socket.upgraded


def packets_of(socket: Socket) -> list[str]:
    """What waits to be sent."""
    packets = []
    while not socket.queue.empty():
        packet = socket.queue.get_nowait()
        assert packet is not None
        packets.append(packet.encode())
    return packets


async def test_client_that_does_not_answer_a_ping_is_told_that_it_is_closed() -> None:
    socket = polling_socket(ping_timeout=0.01)
    socket._send_ping()
    await until(lambda: not socket.server.sockets)
    assert packets_of(socket) == ["2", "1"]


async def test_clock_that_steps_forward_closes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    socket = polling_socket(ping_timeout=100)
    socket._send_ping()
    monkeypatch.setattr(time, "time", lambda: inf)
    await socket.send(Packet(NOOP))
    assert packets_of(socket) == ["2", "6"]
    await socket.close()


class Body:
    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self, _: int) -> bytes:
        return self._data


async def test_session_that_its_client_ends_by_a_post_is_forgotten() -> None:
    socket = polling_socket()
    await socket.handle_post_request({"wsgi.input": Body(b"1"), "CONTENT_LENGTH": "1"})
    assert socket.closed
    assert not socket.server.sockets


@pytest.mark.parametrize("packet", ["0", "2", "6", "7", "9"])
async def test_packet_of_a_kind_that_no_client_sends_closes_its_transport(packet: str) -> None:
    heard, posted = polling_socket(), polling_socket()
    closed: list[str] = []
    heard.server.close_transport = posted.server.close_transport = closed.append
    heard.hear(packet)
    await until(lambda: closed == ["sid"])
    request = {"wsgi.input": Body(packet.encode()), "CONTENT_LENGTH": "1"}
    with pytest.raises(UnknownPacketError):
        await posted.handle_post_request(request)
    assert closed == ["sid", "sid"]


class SlowSocket(Socket):
    """A connection with a packet that is long in the works."""

    async def receive(self, pkt: Packet) -> None:
        await asyncio.Event().wait()


async def test_what_comes_while_a_packet_is_worked_on_has_an_end() -> None:
    engine = Engine(async_mode="asgi", max_http_buffer_size=1000)
    closed: list[str] = []
    engine.close_transport = closed.append
    socket = SlowSocket(engine, "sid")
    for _ in range(2000):
        socket.hear("4" * 1000)
    assert set(closed) == {"sid"}
    assert socket._heard is not None
    assert sum(map(len, socket._heard)) <= MAX_HEARD_BYTES + 1000
    await engine.tasks.cancel()


async def test_nothing_but_acks_is_heard_of_a_connection_that_is_closing() -> None:
    socket = polling_socket()
    socket.closing = True
    acks: list[str] = []

    def take_ack(_: str, text: str) -> bool:
        acks.append(text)
        return True

    socket.server.take_ack = take_ack
    socket.hear("42")
    socket.hear("43/newsite,1[]")
    assert socket._heard is None
    assert acks == ["3/newsite,1[]"]


async def test_what_comes_with_the_packet_that_was_too_much_is_not_looked_at() -> None:
    socket, messages = polling_socket(), list[str]()

    async def give_up(_: str, __: str, packet: str, **kwargs: object) -> None:
        messages.append(packet)
        socket.give_up()

    socket.server.close_transport = lambda _: None
    socket.server._trigger_event = give_up
    for _ in range(3):
        await socket.receive(Packet(encoded_packet="42[]"))
    assert messages == ["2[]"]


class ReadWebSocket:
    """The web server's end of a websocket."""

    is_read = True

    def stop_reading(self) -> None:
        self.is_read = False


async def test_who_sends_too_much_in_a_window_is_read_no_more_and_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    socket, websocket = polling_socket(max_http_buffer_size=1_000_000), ReadWebSocket()
    socket.websocket = websocket  # type: ignore[assignment]  # all that is used of it
    closed: list[str] = []
    socket.server.close_transport = closed.append
    socket.server.take_ack = lambda *_: True
    packet = "43/newsite,1" + "x" * (MAX_SENT_BYTES // 10)
    monkeypatch.setattr(hearing, "SENT_WINDOW_SECONDS", 0.0)  # so that it is always over
    for _ in range(30):
        socket.hear(packet)
    assert websocket.is_read
    monkeypatch.undo()
    for _ in range(30):
        socket.hear(packet)
    assert not websocket.is_read
    assert closed == ["sid"]
