"""Frames that go to a websocket directly, and what waits while it is full."""

import asyncio

import pytest
from engineio.packet import MESSAGE, PING, Packet
from websockets.protocol import Protocol as WebSocketParser
from websockets.protocol import Side, State

from delivery.frames import write
from delivery.send_queue import DRAINED_BYTES, Frame, SendQueue
from tests.delivery.send_queue_doubles import Wire, frame


def test_a_frame_for_an_idle_websocket_goes_past_the_queue() -> None:
    wire = Wire()
    write(wire, frame(3))
    assert wire.written == [b"\x81\x044xxx"]
    assert wire.queue.empty()


@pytest.mark.parametrize("size", [0, 1, 124, 125, 126, 65_534, 65_535, 65_536, 100_000])
def test_a_frame_is_read_by_a_websocket_client_as_it_was_sent(size: int) -> None:
    parser = WebSocketParser(Side.CLIENT, state=State.OPEN)
    parser.receive_data(frame(size).wire)
    [received] = parser.events_received()
    assert received.data == b"4" + b"x" * size  # type: ignore[union-attr]
    assert received.fin  # type: ignore[union-attr]


def test_what_a_full_websocket_does_not_take_goes_to_it_later_in_order() -> None:
    wire = Wire(is_full=True)
    for text in ("first", "second"):
        write(wire, Frame(MESSAGE, text))
    wire.is_full = False
    write(wire, Frame(MESSAGE, "third"))
    assert wire.written == [b"\x81\x064first", b"\x81\x074second", b"\x81\x064third"]
    assert wire.queue.unsent_bytes == 0


def test_a_websocket_that_takes_more_again_gets_what_waits() -> None:
    wire = Wire(is_full=True)
    write(wire, frame(1))
    wire.queue.put_nowait(Packet(PING))
    assert wire.written == []
    wire.is_full = False
    wire.queue.write_on()
    assert wire.written == [b"\x81\x012", b"\x81\x024x"]


async def test_whoever_waits_goes_on_when_a_websocket_has_taken_enough() -> None:
    wire = Wire(is_full=True)
    write(wire, frame(DRAINED_BYTES + 1))
    waiting = asyncio.create_task(wire.queue.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    wire.is_full = False
    wire.queue.write_on()
    await waiting


def test_what_waited_for_a_websocket_goes_to_it_first() -> None:
    queue = SendQueue()
    queue.put_nowait(frame(5))
    queue.get_nowait()
    queue.put_nowait(Packet(PING))
    wire = Wire(queue=queue)
    assert queue.unsent_bytes == 0
    write(wire, frame(1))
    assert wire.written == [b"\x81\x012", b"\x81\x024x"]


def test_a_transport_ends_behind_what_waits() -> None:
    wire = Wire(is_full=True)
    write(wire, frame(1))
    wire.queue.put_nowait(None)
    assert not wire.is_finished
    wire.is_full = False
    wire.queue.write_on()
    assert wire.written == [b"\x81\x024x"]
    assert wire.is_finished
    assert wire.queue.unsent_bytes == 0


def test_nothing_is_written_to_a_closed_socket() -> None:
    wire = Wire(closed=True)
    write(wire, frame())
    write(None, frame())
    assert wire.written == []
    assert wire.queue.empty()
