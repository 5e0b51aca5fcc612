"""What this process notes of messages for their receipts: in memory, taken ten times a second.

The way of a message only appends to a list; `receipts` takes what has come together to
Redis. Beside `counters`, which forget which message it was.
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import orjson

from delivery.message import Message
from delivery.names import show_id
from delivery.queue_values import Appended, Device

MAX_ROOMS = 20  # of a receipt; a message may name a thousand
MAX_BYTES = 4096  # of a receipt: what comes past it is not kept
MAX_NOTES = 5_000  # messages sent or acked, each second and at once; past it some are skipped
MAX_OWN = 10_000  # ids of messages taken here of late
# At once: so a process that is sent more than it can take spends no time to speak of on receipts.
MAX_BURST = 5_000
HOUR_SECONDS = 3600
# Another process took the message, and brings it to Redis within the second: its line comes first.
OTHERS_SECONDS = 2.0

Place = tuple[str, str, int]
"""Room, epoch and seq of what was stored."""


class Accepted(NamedTuple):
    """A message that was stored or broadcast."""

    site: str
    id: str
    event: str
    at_ms: int
    stored: Sequence[Appended]
    shared: int  # rooms


Note = tuple[str, float, Device, Sequence[str], int]
"""Kind ("sent", "acked", "sockets"), time.time(), device, ids of its messages; and of a broadcast
to how many sockets it went. A plain tuple: each message makes two."""

Name = tuple[str, str]
"""Site, and message id or room."""


@dataclass(slots=True)
class Taken:
    """What goes to Redis of each message: JSON texts, one a line.

    Bytes rather than lists of lines, as so many lists would keep the garbage collector busy.
    """

    begun: dict[Name, bytes] = field(default_factory=dict)  # the message, then notes
    lines: dict[Name, bytes] = field(default_factory=dict)  # of messages that began before
    rooms: list[tuple[Name, str]] = field(default_factory=list)  # and the id of its message

    def __bool__(self) -> bool:
        return bool(self.begun or self.lines)


class Journal:
    """At most `max_messages` are noted within any hour; 0 = none."""

    def __init__(self, max_messages: int = 0) -> None:
        self.skipped = 0  # messages without a receipt, and notes, for there were too many
        self.is_on = max_messages > 0
        self._burst = min(MAX_BURST, max_messages // 2)
        self._per_second = (max_messages - self._burst) / HOUR_SECONDS
        self._left: float = self._burst
        self._notes_left: float = MAX_NOTES
        self._refilled_at = time.monotonic()
        self._accepted: list[Accepted] = []
        self._notes: list[Note] = []
        self._early: list[Note] = []  # of messages that had not been begun when they were taken
        self._notes_of_others: deque[Note] = deque()  # of messages that other processes took
        self._own: dict[str, bool] = {}  # message id -> has a receipt

    def expect(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of the messages, which are about to be sent, that are to have a receipt. Of
        the others nothing is noted."""
        if not self.is_on:
            return frozenset()
        count = min(len(ids), int(self._left))
        self._left -= count
        self.skipped += len(ids) - count
        for each in ids[count:]:
            self._own[each] = False
        return frozenset(ids[:count])

    def give_back(self, count: int) -> None:
        """Of so many messages that were expected nothing came."""
        self._left += count

    def accept(
        self, site: str, message: Message, at: float, stored: Sequence[Appended], shared: int
    ) -> None:
        """Begin the receipt of a message that was expected and taken; `at` by time.time()."""
        self._own[message.id] = True
        at_ms = int(at * 1000)
        self._accepted.append(Accepted(site, message.id, message.event, at_ms, stored, shared))

    def sent(self, device: Device, ids: Sequence[str]) -> None:
        if self._may_note(ids):
            self._notes.append(("sent", time.time(), device, ids, 0))

    def acked(self, device: Device, ids: Sequence[str]) -> None:
        if self._may_note(ids):
            self._notes.append(("acked", time.time(), device, ids, 0))

    def broadcast(self, site: str, message_id: str, sockets: int) -> None:
        """Note how many sockets of this process a message for shared rooms was written to."""
        if sockets and self._may_note((message_id,)):
            nobody = Device(site, "", "")
            self._notes.append(("sockets", time.time(), nobody, (message_id,), sockets))

    def take(self, *, to_the_end: bool = False) -> Taken:
        """Return what is to be written now; `to_the_end`: also what others may not have begun."""
        taken = Taken()
        accepted, self._accepted = self._accepted, []
        notes, self._notes = self._notes, []
        self._refill()
        self._forget()
        for each in accepted:
            self._begin(taken, each)
        early, self._early = self._early, []
        for note in early:
            self._notes_of_others += self._sort(taken, note)
        for note in self._within_limit(notes):
            self._early += self._sort(taken, note)
        if to_the_end:
            self._notes_of_others += self._early
            self._early = []
        begun_before = time.time() - (0 if to_the_end else OTHERS_SECONDS)
        while self._notes_of_others and self._notes_of_others[0][1] <= begun_before:
            self._add(taken, self._notes_of_others.popleft())
        return taken

    def _may_note(self, ids: Sequence[str]) -> bool:
        """Whether one of them may have a receipt."""
        if not self.is_on:
            return False
        if len(ids) == 1:  # as nearly always
            return self._own.get(ids[0], True)
        return any(self._own.get(each, True) for each in ids)

    def _refill(self) -> None:
        now = time.monotonic()
        seconds = now - self._refilled_at
        self._left = min(self._burst, self._left + self._per_second * seconds)
        self._notes_left = min(MAX_NOTES, self._notes_left + MAX_NOTES * seconds)
        self._refilled_at = now

    def _within_limit(self, notes: list[Note]) -> list[Note]:
        """So that what is not to be noted costs nothing more."""
        limit = int(self._notes_left)
        self.skipped += sum(len(ids) for _, _, _, ids, _ in notes[limit:])
        return notes[:limit]

    def _forget(self) -> None:
        for message_id in list(islice(self._own, max(0, len(self._own) - MAX_OWN))):
            del self._own[message_id]

    def _begin(self, taken: Taken, each: Accepted) -> None:
        rooms = [(room.room, room.epoch, room.seq) for room in each.stored[:MAX_ROOMS]]
        text = _first_line(each, rooms)
        if len(text) > MAX_BYTES:
            text = _first_line(each, rooms := rooms[:1])
        taken.begun[each.site, each.id] = text
        taken.rooms += [((each.site, room), each.id) for room, _, _ in rooms]

    def _sort(self, taken: Taken, note: Note) -> Sequence[Note]:
        """Add a note to the messages that were taken here; return it for those that were not, or
        are only about to be: a message may be sent a moment before it is begun."""
        kind, at, device, ids, sockets = note
        own = [each for each in ids if self._own.get(each)]
        if own:
            self._add(taken, (kind, at, device, own, sockets))
        if len(own) == len(ids):
            return ()
        others = [each for each in ids if each not in self._own]
        return [(kind, at, device, others, sockets)] if others else ()

    def _add(self, taken: Taken, note: Note) -> None:
        _, _, device, ids, _ = note
        if len(ids) > self._notes_left:
            self.skipped += len(ids)
            return
        self._notes_left -= len(ids)
        line = _line(note)
        for each in ids:
            name = (device.site, each)
            texts = taken.begun if name in taken.begun else taken.lines
            texts[name] = texts.get(name, b"") + line


def _first_line(each: Accepted, rooms: Sequence[Place]) -> bytes:
    left_out = len(each.stored) - len(rooms)
    line = orjson.dumps((each.at_ms, each.event, rooms, left_out, each.shared))
    return b"%b" % line  # a copy: orjson's own, kept, would keep a kilobyte each from reuse


def _line(note: Note) -> bytes:
    r"""
    With the break before it.

    >>> _line(("sent", 1.5, Device("newsite", "user_1", "phone"), ("7",), 0))
    b'\n["sent",1500,"user_1","phone"]'
    >>> _line(("sockets", 1.5, Device("newsite", "", ""), ("7",), 12))
    b'\n["sockets",1500,12]'
    """
    kind, at, device, _, sockets = note
    at_ms = int(at * 1000)
    if kind == "sockets":
        return b"\n" + orjson.dumps((kind, at_ms, sockets))
    return b"\n" + orjson.dumps((kind, at_ms, device.room, show_id(device.id)))
