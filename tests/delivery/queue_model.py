"""The queue's rules in plain Python: what `test_queues_model` holds Redis against.

Lists and dictionaries, everything settled at once at every step, no thought of speed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from delivery.message import Message
from delivery.queue_values import Acknowledged, Waiting
from delivery.queues import LEASE_SECONDS


@dataclass(frozen=True)
class Stored:
    waiting: Waiting
    event: str
    ms: int


@dataclass
class Box:
    """A queue and the pending resync, (when, reason)."""

    queue: list[Stored] = field(default_factory=list)
    resync: tuple[int, str] | None = None

    def take_resync(self) -> str:
        reason = self.resync[1] if self.resync else ""
        self.resync = None
        return reason

    def give_up(self, now: int, reason: str) -> int:
        count = len(self.queue)
        self.queue, self.resync = [], (now, reason)
        return count

    def find(self, seq: int) -> Stored | None:
        return next((stored for stored in self.queue if stored.waiting.seq == seq), None)

    def settle(self, seen: int, now: int, ttl: int) -> bool:
        """Drop what is expired; return whether anything is left to keep the device for."""
        self.queue = [stored for stored in self.queue if now - max(stored.ms, seen) <= ttl]
        is_told_later = self.resync is not None and now - self.resync[0] <= ttl
        return bool(self.queue) or is_told_later or now - seen <= ttl


@dataclass
class Known:
    """A known device."""

    seen: int
    box: Box
    leases: dict[str, int] = field(default_factory=dict)  # process -> end


@dataclass
class RoomModel:
    ttl: int
    max_devices: int
    max_messages: int
    max_bytes: int
    now: int = 0
    has_epoch: bool = False
    seq: int = 0
    last_id: str = ""
    devices: dict[str, Known] = field(default_factory=dict)
    nobody: Box = field(default_factory=Box)  # until a client comes
    once: dict[str, tuple[int, str]] = field(default_factory=dict)  # seq and message id

    def flush(self) -> None:
        self.has_epoch, self.seq, self.last_id = False, 0, ""
        self.devices, self.nobody, self.once = {}, Box(), {}

    def advance(self, ms: int) -> None:
        self.now += ms
        for name, known in list(self.devices.items()):
            if not known.box.settle(known.seen, self.now, self.ttl):
                del self.devices[name]
        if not self.nobody.settle(0, self.now, self.ttl):
            self.nobody = Box()

    def append(self, message: Message, once: str) -> tuple[int, str, str, set[str]]:
        """Return seq, id, the id before it, and the devices whose queue overflowed."""
        if once in self.once:
            return *self.once[once], "", set()
        self.has_epoch = True
        self.seq += 1
        previous_id, self.last_id = self.last_id, message.id
        if once:
            self.once[once] = self.seq, message.id
        boxes = {name: known.box for name, known in self.devices.items()} or {"": self.nobody}
        full = {name for name, box in boxes.items() if not self._store(box, message, previous_id)}
        return self.seq, message.id, previous_id, full

    def is_taken_back(self, name: str, seq: int, message_id: str) -> bool:
        """Whether a client of this epoch was sent a message that Redis knows nothing of."""
        if seq >= self.seq:
            return seq > self.seq or message_id != self.last_id
        box = self.read(name) or (Box() if name else self.nobody)
        follower = box.find(seq + 1)
        return follower is not None and follower.waiting.previous_id != message_id

    def lose_state(self) -> None:
        for known in self.devices.values():
            known.box.give_up(self.now, "state_lost")

    def open(self, name: str, process: str) -> Box:
        if name not in self.devices:
            self._make_place()
            self.devices[name] = Known(self.now, self._new_box())
        self._hold(self.devices[name], process)
        return self.devices[name].box

    def read(self, name: str) -> Box | None:
        known = self.devices.get(name)
        return known.box if known else None

    def acknowledge(self, name: str, seqs: Sequence[int], checks_order: bool) -> Acknowledged:
        box = self.read(name) or Box()
        removed = 0
        for stored in filter(None, map(box.find, seqs)):
            if stored not in box.queue:
                continue
            first = next(other for other in box.queue if other.event == stored.event)
            if checks_order and stored.waiting.resync and stored is not first:
                removed += box.give_up(self.now, "out_of_order")
                return Acknowledged(removed, self.seq)
            box.queue.remove(stored)
            removed += 1
        return Acknowledged(removed)

    def clear(self, name: str) -> int:
        box = self.read(name) or Box()
        count = len(box.queue)
        box.queue = []
        return count

    def take_resync(self, name: str) -> str:
        return (self.read(name) or Box()).take_resync()

    def renew(self, name: str, process: str) -> bool:
        if name in self.devices:
            self._hold(self.devices[name], process)
        return name in self.devices

    def release(self, name: str, process: str) -> None:
        known = self.devices.get(name)
        if known is not None:
            known.leases.pop(process, None)
            known.seen = max([self.now, *known.leases.values()])

    def _store(self, box: Box, message: Message, previous_id: str) -> bool:
        waiting = Waiting(self.seq, message.id, message.resync, message.text, previous_id)
        wanted = replace(box, queue=[*box.queue, Stored(waiting, message.event, self.now)])
        size = sum(len(stored.waiting.text.encode()) for stored in wanted.queue)
        if len(wanted.queue) > self.max_messages or size > self.max_bytes:
            box.give_up(self.now, "overflow")
            return False
        box.queue = wanted.queue
        return True

    def _make_place(self) -> None:
        while len(self.devices) >= self.max_devices:
            del self.devices[min(self.devices, key=lambda name: (self.devices[name].seen, name))]

    def _new_box(self) -> Box:
        if "" in self.devices:
            return Box()
        box, self.nobody = self.nobody, Box()
        return box

    def _hold(self, known: Known, process: str) -> None:
        known.leases[process] = known.seen = self.now + LEASE_SECONDS * 1000
