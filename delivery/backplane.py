"""The backplane: announcements between processes, over one Channels group per room.

What is for shared rooms is announced here by `publish`; what is stored, by Redis itself as it
stores it, in the same words. Each process that has a socket in the room hears of it through the
`switchboard`. Of a user room an announcement is a hint: one that is lost, doubled or late costs
time, never a message. The only importer of Channels.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from channels.layers import get_channel_layer
from redis import RedisError

from delivery.exceptions import BackplaneUnavailable
from delivery.message import Message
from delivery.names import group_name
from delivery.queue_values import Appended, Device

logger = logging.getLogger(__name__)

ANNOUNCE_TIMEOUT_SECONDS = 2.0
# Group of every process. A broadcast to more rooms than this is announced there, once: each
# announcement is as long as the list of its rooms, so that all of them grow with its square.
EVERYBODY, MANY_ROOMS = "everybody", 50
# A client may have 10,000 rooms: each portion of joins has the timeout to itself, and while there
# is more to leave, others have their turn.
ROOMS_AT_ONCE = 500

T = TypeVar("T")

Announcement = dict[str, Any]
"""One of
{"type": "stored", "site", "room", "epoch", "seq", "id", "previous", "text", "resync",
 "overflowed": [device]}
{"type": "broadcast", "site", "id", "text", "shared": [room], "user": [room]}
{"type": "resync", "site", "room", "device", "reason", "epoch", "seq"}
{"type": "disconnect", "site", "room", "device"}, device None = all of the room
{"type": "probe", "sent_at"}, of this process to itself, by its own time.monotonic()
"""


class Broadcast(NamedTuple):
    """A message for shared rooms; `user_rooms` have a stored copy of it."""

    message: Message
    shared_rooms: Sequence[str]
    user_rooms: Sequence[str]

    def announcement(self, site: str) -> Announcement:
        return {
            "type": "broadcast",
            "site": site,
            "id": self.message.id,
            "text": self.message.text,
            "shared": list(self.shared_rooms),
            "user": list(self.user_rooms),
        }


class Backplane:
    """This process's end of the Channels layer."""

    def __init__(self) -> None:
        self._layer = get_channel_layer()
        self._channel = ""
        self._probes = f"probe.{secrets.token_hex(8)}"  # a group of this process alone
        self._members: dict[str, int] = {}  # group -> sockets of this process in its room

    async def start(self) -> None:
        """Raises BackplaneUnavailable."""
        self._channel = await _bounded(self._layer.new_channel())
        await _bounded(self._layer.group_add(EVERYBODY, self._channel))

    def on_reconnect(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever announcements may have been missed."""
        self._layer.reconnect_listeners.append(listener)

    def listen(self, hear: Callable[[Announcement], None]) -> None:
        """Call `hear`, which must not raise, with each announcement to a room that this process is
        in, in their order."""
        self._layer.listen(self._channel, hear)

    async def join(self, site: str, rooms: Iterable[str]) -> None:
        """Return once announcements to these rooms reach this process.

        Raises BackplaneUnavailable; the rooms count as joined all the same, so
        that `leave` is the one way out.
        """
        groups = [group_name(site, room) for room in rooms]
        for group in groups:
            self._members[group] = self._members.get(group, 0) + 1
        try:
            for start in range(0, len(groups), ROOMS_AT_ONCE):
                some = groups[start : start + ROOMS_AT_ONCE]
                await self._layer.group_add_all(some, self._channel)  # bounded by the layer
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            raise _unavailable(error) from error

    async def leave(self, site: str, rooms: Sequence[str]) -> None:
        for start in range(0, len(rooms), ROOMS_AT_ONCE):
            if start:
                await asyncio.sleep(0)
            for room in rooms[start : start + ROOMS_AT_ONCE]:
                await self._leave(group_name(site, room))

    @property
    def channels(self) -> str:
        """What their names in Redis begin with; the group follows."""
        name: str = self._layer.channel_name("")
        return name

    async def announce_stored(
        self, site: str, messages: Iterable[tuple[Message, Appended]]
    ) -> None:
        """Tell each room's processes what was stored for it, where Redis has not done so.

        Raises BackplaneUnavailable.
        """
        await self._announce(
            (
                group_name(site, stored.room),
                {
                    "type": "stored",
                    "site": site,
                    "room": stored.room,
                    "epoch": stored.epoch,
                    "seq": stored.seq,
                    "id": stored.message_id,
                    "previous": stored.previous_id,
                    "text": message.text,
                    "resync": message.resync,
                    "overflowed": list(stored.overflowed),
                },
            )
            for message, stored in messages
        )

    async def announce_broadcasts(self, site: str, broadcasts: Iterable[Broadcast]) -> None:
        """Tell the processes of all their shared rooms. Raises BackplaneUnavailable.

        Each announcement names all rooms of its message: who hears the first one
        serves all its sockets, each once, but those whose user room has a
        stored copy on its way. Nothing is kept for who does not hear it: while
        this process itself would miss it, it is the sender's to repeat.
        """
        self._check_whole()
        await self._announce(
            (group, announcement)
            for each in broadcasts
            for announcement in [each.announcement(site)]
            for group in _groups_of(site, each.shared_rooms)
        )

    async def announce_resync(self, device: Device, reason: str, epoch: str, seq: int) -> None:
        """Tell the other sockets of a device that its queue was given up at `seq`."""
        announcement = {
            "type": "resync",
            "site": device.site,
            "room": device.room,
            "device": device.id,
            "reason": reason,
            "epoch": epoch,
            "seq": seq,
        }
        await self._announce([(group_name(device.site, device.room), announcement)])

    async def announce_disconnects(
        self, site: str, targets: Iterable[tuple[str, str | None]]
    ) -> None:
        """Have the sockets of each `(room, device id)`, None = all of the room, closed wherever
        they are. Raises BackplaneUnavailable, also while this process would not hear of it.
        """
        self._check_whole()
        await self._announce(
            (
                group_name(site, room),
                {"type": "disconnect", "site": site, "room": room, "device": device_id},
            )
            for room, device_id in targets
        )

    async def ping(self) -> None:
        """Raise BackplaneUnavailable when nothing can be announced, or would not be heard here."""
        self._check_whole()
        await self._announce([("ping", {"type": "ping"})])

    async def listen_to_probes(self) -> None:
        """Raises BackplaneUnavailable."""
        await _bounded(self._layer.group_add(self._probes, self._channel))

    async def probe(self) -> None:
        """Announce something that only this process hears, to see how long it takes."""
        await self._announce([(self._probes, {"type": "probe", "sent_at": time.monotonic()})])

    async def close(self) -> None:
        await self._layer.flush()

    async def _announce(self, announcements: Iterable[tuple[str, Announcement]]) -> None:
        """Bounded by the layer."""
        try:
            await self._layer.group_send_all(announcements)
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            raise _unavailable(error) from error

    def _check_whole(self) -> None:
        if not self._layer.is_whole:
            raise BackplaneUnavailable("The backplane's subscription is broken")

    async def _leave(self, group: str) -> None:
        self._members[group] -= 1
        if self._members[group]:
            return
        del self._members[group]
        try:
            await self._layer.group_discard(group, self._channel)
        except (RedisError, OSError) as error:
            # A dead subscription is gone with its connection.
            logger.info("Group %s not left: %s", group, error)


def _groups_of(site: str, shared_rooms: Sequence[str]) -> list[str]:
    if len(shared_rooms) > MANY_ROOMS:
        return [EVERYBODY]
    return [group_name(site, room) for room in shared_rooms]


async def _bounded(step: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(ANNOUNCE_TIMEOUT_SECONDS):
            return await step
    except (RedisError, OSError) as error:  # a TimeoutError is an OSError
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> BackplaneUnavailable:
    reason = str(error) or f"nothing came in {ANNOUNCE_TIMEOUT_SECONDS:g} s."  # of a TimeoutError
    return BackplaneUnavailable(f"The backplane does not answer: {reason}")
