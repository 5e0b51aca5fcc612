"""A receipt: what has become of one message, put together from what is known of it.

`receipts` brings what the processes have noted and where the message is in its queues;
what is here decides what that means for each device.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Self

import orjson

from delivery.timestamps import to_text

State = Literal[
    "waiting",  # not sent yet
    "sent",  # its ack has not come yet
    "acked",
    "expired",
    "dropped",  # for the reason that is told
    "unknown",  # it waits no more, and what came of it was not noted
]
FORGOTTEN = "device_forgotten"  # a user has 20 devices, and the longest unseen goes first
STATE_LOST = "state_lost"
UNTOLD_MS = 5_000  # so long it may take until all processes have told


class Place(NamedTuple):
    """Where a message was stored."""

    room: str
    epoch: str
    seq: int


class Whereabouts(NamedTuple):
    """Where a message is for one device; 0 = it is not stored, was not dropped."""

    seen_until_ms: int
    stored_ms: int
    dropped_ms: int
    drop_reason: str


class Trace(NamedTuple):
    """Where a message is in one room, by device."""

    now_ms: int
    epoch: str
    devices: dict[str, Whereabouts]


@dataclass(frozen=True, slots=True)
class DeviceReceipt:
    """Times are those of the service's processes, in ms since 1970; 0 = not so."""

    device: str  # "" = a client without deviceId, or nobody has come yet
    state: State
    sent_ms: int = 0
    acked_ms: int = 0
    dropped_ms: int = 0
    reason: str = ""

    def answer(self) -> dict[str, object]:
        times = {"sent": self.sent_ms, "acked": self.acked_ms, "dropped": self.dropped_ms}
        shown = {f"{name}_at": to_text(ms) for name, ms in times.items() if ms}
        reason = {"reason": self.reason} if self.reason else {}
        return {"device": self.device, "state": self.state, **shown, **reason}


@dataclass(slots=True)
class Noted:
    """What the processes have noted of one message."""

    id: str
    at_ms: int
    event: str
    places: tuple[Place, ...]
    rooms_left_out: int
    shared_rooms: int
    sockets: int = 0
    sent: dict[tuple[str, str], int] = field(default_factory=dict)  # room, device -> ms, the first
    acked: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def parse(cls, message_id: str, text: bytes) -> Self:
        """Read what `journal` has written: the message, and lines from any process in any order."""
        first, *lines = text.split(b"\n")
        at_ms, event, places, left_out, shared = orjson.loads(first)
        noted = cls(
            message_id, at_ms, event, tuple(Place(*each) for each in places), left_out, shared
        )
        for line in lines:
            noted._add(*orjson.loads(line))
        return noted

    def _add(self, kind: str, at_ms: int, *what: Any) -> None:
        if kind == "sockets":
            self.sockets += what[0]
            return
        times = self.sent if kind == "sent" else self.acked
        key = (what[0], what[1])
        times[key] = min(at_ms, times.get(key, at_ms))


@dataclass(frozen=True, slots=True)
class Receipt:
    noted: Noted
    rooms: dict[str, tuple[DeviceReceipt, ...]]

    def answer(self) -> dict[str, object]:
        noted = self.noted
        rooms = [
            {"room": room, "devices": [each.answer() for each in devices]}
            for room, devices in self.rooms.items()
        ]
        return {
            "ok": True,
            "id": noted.id,
            "event": noted.event,
            "at": to_text(noted.at_ms),
            "rooms": rooms,
            "rooms_left_out": noted.rooms_left_out,
            "broadcast": {"rooms": noted.shared_rooms, "sockets": noted.sockets},
        }


def device_receipts(
    noted: Noted, place: Place, trace: Trace, ttl_ms: int
) -> tuple[DeviceReceipt, ...]:
    """Say how far the message has got with each device that it was for.

    A device that is known now and has no mark of the message came later: it is left out.
    """
    judge = Judge(noted, place, trace, ttl_ms)
    marked = (device for room, device in (*noted.sent, *noted.acked) if room == place.room)
    devices = dict.fromkeys((*trace.devices, *marked))
    found = [each for each in map(judge.judge, devices) if each is not None]
    if not found and (judge.is_over(noted.at_ms) or judge.is_lost):
        return (judge.gone(""),)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Judge:
    """What one message's marks and whereabouts in one room mean."""

    noted: Noted
    place: Place
    trace: Trace
    ttl_ms: int  # that messages are kept for clients that are away, 0 = for ever

    @property
    def is_lost(self) -> bool:
        return self.trace.epoch != self.place.epoch

    def is_over(self, since_ms: int) -> bool:
        return self.ttl_ms > 0 and since_ms + self.ttl_ms < self.trace.now_ms

    def judge(self, device: str) -> DeviceReceipt | None:
        """1. An ack is the end of it. 2. What waits in the queue is there. 3. What is gone was
        dropped with its queue, ran out of time, or went with its device."""
        key = (self.place.room, device)
        sent_ms, acked_ms = self.noted.sent.get(key, 0), self.noted.acked.get(key, 0)
        here = self.trace.devices.get(device)
        if acked_ms:
            return DeviceReceipt(device, "acked", sent_ms, acked_ms)
        if here is None or self.is_lost:
            return self.gone(device, sent_ms)
        if here.stored_ms and not self.is_over(max(here.stored_ms, here.seen_until_ms)):
            return DeviceReceipt(device, "sent" if sent_ms else "waiting", sent_ms)
        if here.dropped_ms:
            dropped = DeviceReceipt(device, "dropped", sent_ms, dropped_ms=here.dropped_ms)
            return replace(dropped, reason=here.drop_reason)
        if self.is_over(max(self.noted.at_ms, here.seen_until_ms)):
            return DeviceReceipt(device, "expired", sent_ms)
        is_new = self.trace.now_ms < self.noted.at_ms + UNTOLD_MS
        return DeviceReceipt(device, "unknown", sent_ms) if sent_ms or is_new else None

    def gone(self, device: str, sent_ms: int = 0) -> DeviceReceipt:
        if self.is_over(self.noted.at_ms):
            return DeviceReceipt(device, "expired", sent_ms)
        reason = STATE_LOST if self.is_lost else FORGOTTEN
        return DeviceReceipt(device, "dropped", sent_ms, reason=reason)
