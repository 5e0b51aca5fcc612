"""Who is online, in any process: what the leases in Redis say.

Beside `queues`, whose stored shapes it reads, as `inspection` does, but for many rooms at
once and without what waits there. Nothing on the way of a message asks here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from delivery import names
from delivery.pipelines import Call
from delivery.redis_client import run_scripts


@dataclass(frozen=True, slots=True)
class DevicePresence:
    """`since_ms`: when it came online, or when it left."""

    id: str
    is_online: bool
    since_ms: int


@dataclass(frozen=True, slots=True)
class UserPresence:
    """A user room and the devices it knows, the longest unseen first."""

    room: str
    devices: tuple[DevicePresence, ...]

    @property
    def is_online(self) -> bool:
        return any(device.is_online for device in self.devices)

    @property
    def since_ms(self) -> int:
        """When the first of the devices that are online came, or the last one left; 0 = nobody
        is known to have been there."""
        if self.is_online:
            return min(device.since_ms for device in self.devices if device.is_online)
        return max((device.since_ms for device in self.devices), default=0)


class Presence:
    def __init__(self, *, alias: str = "queues") -> None:
        self._alias = alias
        self._prefix = settings.CONFIG.redis.prefix
        self._ttl_ms = 1000 * settings.CONFIG.client_ttl_seconds

    async def find(self, site: str, rooms: Sequence[str]) -> list[UserPresence]:
        """Return who is in each of these user rooms. Raises RedisUnavailable."""
        keys = [names.room_key(self._prefix, site, room) for room in rooms]
        calls = [Call("presence", (key,), ("", self._ttl_ms)) for key in keys]
        replies = await run_scripts(self._alias, calls)
        return [_to_user(room, reply) for room, reply in zip(rooms, replies, strict=True)]


def _to_user(room: str, reply: Sequence[Any]) -> UserPresence:
    rows = zip(reply[::3], reply[1::3], reply[2::3], strict=True)
    return UserPresence(
        room,
        tuple(
            DevicePresence(name.decode(errors=names.ERRORS), bool(is_online), since)
            for name, is_online, since in rows
        ),
    )
