"""Writes prepared Socket.IO packets to the transport: texts that nothing encodes again.

The last step of a message on its way out. A packet is built once, from the
text that `/send` made, and shared by all sockets that get it. Below
`connections`; imports python-engineio's packet numbers.

Socket.IO protocol 5: an event is `2<namespace>,<ack id><JSON list>`, a
namespace other than `/` always comes with its comma.
"""

from collections.abc import Iterable
from typing import Protocol

import orjson
from engineio.packet import MESSAGE, NOOP
from engineio.payload import Payload

from delivery.send_queue import Frame, SendQueue, websocket_frame

# A client that polls sends all its acks in one POST, and so many messages may wait for one
# device. python-engineio drops a POST of more than 16 packets with all that is in it.
MAX_PACKETS_PER_POST = 10_000
Payload.max_decode_packets = MAX_PACKETS_PER_POST


class EngineSocket(Protocol):
    """What is used of python-engineio's AsyncSocket."""

    closed: bool

    @property
    def queue(self) -> SendQueue: ...


def event_frame(namespace: str, text: str) -> Frame:
    """Build the packet of one event without an ack; `text` is its JSON list.

    >>> event_frame("/newsite", '["hello"]').encode()
    '42/newsite,["hello"]'
    """
    return packet_frame(f"2{namespace},{text}")


def packet_frame(packet: str) -> Frame:
    """Of any packet of Socket.IO."""
    return Frame(MESSAGE, packet)


def batch_text(event: str, texts: Iterable[str]) -> str:
    """Join the texts of several events to the text of one.

    >>> batch_text("batch", ['["a",1]', '["b"]'])
    '["batch",[["a",1],["b"]]]'
    """
    return f"[{_json(event)},[{','.join(texts)}]]"


def event_text(event: str, *args: object) -> str:
    """Encode an event of the service's own.

    >>> event_text("resync", {"reason": "overflow"})
    '["resync",{"reason":"overflow"}]'
    """
    return _json([event, *args])


def write(socket: EngineSocket | None, frame: Frame) -> None:
    """Write the frame, behind those that wait for this transport; nothing when it is closed.

    1. Where nothing waits, and the web server lets us, straight to the websocket.
    2. Else through the queue, which python-engineio empties in its own time.
    """
    if socket is None or socket.closed:
        return
    queue = socket.queue
    websocket = None if queue.unsent_bytes else queue.websocket
    if websocket is None or not websocket.write(frame.wire):
        queue.put_nowait(frame)


def write_event(socket: EngineSocket | None, site: str, text: str, ack_id: int | None) -> None:
    """As `write`, of an event that no other socket gets: `42/newsite,17["update_store","user"]`,
    whose JSON list is `text`. It becomes a Frame only where it has to wait."""
    if socket is None or socket.closed:
        return
    queue = socket.queue
    packet = f"42/{site},{'' if ack_id is None else ack_id}{text}"
    websocket = None if queue.unsent_bytes else queue.websocket
    if websocket is None or not websocket.write(websocket_frame(packet.encode())):
        queue.put_nowait(Frame(MESSAGE, packet[1:]))


def end_poll(socket: EngineSocket) -> None:
    """End the poll of a client that has left: nobody reads it, but a drain would wait for it."""
    socket.queue.put_nowait(Frame(NOOP, ""))


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
