"""One call of `/send`, message by message: what is sent where, and what its sender is told.

The values of `publish`. Nothing here knows HTTP, Redis or Channels.
"""

from collections.abc import Iterable
from itertools import filterfalse
from typing import NamedTuple

from delivery.message import Message
from delivery.payloads import SendRequest
from delivery.queue_values import ToStore
from sites.snapshots import SiteSnapshot


class Outcome(NamedTuple):
    """What the sender is told; stored as JSON for a call with an idempotency key."""

    id: str
    queued: int  # user rooms, each with its queues
    broadcast: int  # shared rooms

    def content(self) -> dict[str, object]:
        return {"ok": True, "id": self.id, "queued": self.queued, "broadcast": self.broadcast}


class Sending(NamedTuple):
    """A message and where it goes; `key` is its idempotency key, "" = none."""

    message: Message
    user_rooms: tuple[str, ...]
    shared_rooms: tuple[str, ...]
    key: str

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.message.id, len(self.user_rooms), len(self.shared_rooms))


def keys_of(idempotency_key: str, count: int) -> list[str]:
    """Give each message of a call a key of its own; a line break stands in no header.

    >>> keys_of("order 7", 1), keys_of("order 7", 2), keys_of("", 2)
    (['order 7'], ['order 7\\n0', 'order 7\\n1'], ['', ''])
    """
    if not idempotency_key or count == 1:
        return [idempotency_key] * count
    return [f"{idempotency_key}\n{i}" for i in range(count)]


def sending_of(
    site: SiteSnapshot, request: SendRequest, message_id: str, resync: bool, key: str
) -> Sending:
    is_resync = resync if request.resync is None else request.resync
    rooms = request.rooms
    message = Message(message_id, request.event, request.text, is_resync, rooms)
    user_rooms = tuple(filter(site.is_user_room, rooms))
    if len(user_rooms) == len(rooms):  # nearly always all, or none
        return Sending(message, user_rooms, (), key)
    shared_rooms = tuple(filterfalse(site.is_user_room, rooms))
    return Sending(message, user_rooms, shared_rooms, key)


def joined_ids(messages: Iterable[Sending | ToStore]) -> str:
    """Of all of them, for the log."""
    return ", ".join(each.message.id for each in messages)
