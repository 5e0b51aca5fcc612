"""What goes into the queues and what comes out of them.

The words of `queues`, for those who only speak of them. Those that each message needs are
tuples, which are made in a third of the time of a frozen dataclass. Imports the message.
"""

from dataclasses import dataclass
from typing import NamedTuple

from delivery.message import Message


class Device(NamedTuple):
    """The owner of one queue; id "" is a client without deviceId."""

    site: str
    room: str
    id: str

    @property
    def fields(self) -> dict[str, object]:
        """As lines of the log have it."""
        return {"site": self.site, "room": self.room, "device": self.id}


class Position(NamedTuple):
    """How far a client has got in a room: the last message it was sent; "" = not known."""

    epoch: str = ""
    seq: int = 0
    message_id: str = ""


NOWHERE = Position()


class Known(NamedTuple):
    """Where a room stands as a device comes, and whether something waits for the device."""

    position: Position
    is_waiting: bool


class Waiting(NamedTuple):
    """A message that waits to be acknowledged; previous_id "" = not known, or the first."""

    seq: int
    id: str
    resync: bool
    text: str
    previous_id: str = ""


class QueueLimits(NamedTuple):
    """Of one queue; None = as the configuration says."""

    messages: int | None = None
    text_bytes: int | None = None


AS_CONFIGURED = QueueLimits()


class ToStore(NamedTuple):
    """A message for some user rooms.

    `once` is an idempotency key: a second call with it stores nothing in a room where the
    first has, and is told the first one's epoch and seq. "" = none.
    """

    message: Message
    rooms: tuple[str, ...]
    once: str = ""


class Appended(NamedTuple):
    """`overflowed`: ids of the devices whose queue was full and has been dropped. `is_only_here`:
    Redis has announced it to nobody, as no other process holds one of the devices."""

    room: str
    epoch: str
    seq: int
    message_id: str  # of the first call, if this one repeats it
    previous_id: str  # of the message before it; "" = it is the first, or the call is repeated
    overflowed: tuple[str, ...]
    is_only_here: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """The first that waits, oldest first, and where the room stands at that moment.

    epoch "" = the room has had no message yet, seq is 0. resync_reason "" = none. A device
    not known (evicted, state lost) has nothing that waits and must be opened again.
    """

    epoch: str
    seq: int
    last_id: str  # of the message with that seq
    messages: tuple[Waiting, ...]
    resync_reason: str
    is_known: bool
    has_more: bool


class Ack(NamedTuple):
    """`seqs` in the order acked, and the ids of their messages, if they are known. A batch is one
    ack and does not check the order."""

    device: Device
    epoch: str
    seqs: tuple[int, ...]
    checks_order: bool
    ids: tuple[str, ...] = ()


class Acknowledged(NamedTuple):
    """`removed` counts what left the queue: if it was out of order all that waited, which was
    sent up to seq `dropped_to`."""

    removed: int
    dropped_to: int = 0  # 0 = it was in order


class State(NamedTuple):
    """Where a room stands. `waiting` counts a device's messages, in one of its processes only."""

    epoch: str
    seq: int
    is_known: bool
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """The first call with an Idempotency-Key; answer None = it has not ended yet."""

    message_id: str
    answer: bytes | None
