"""Who is online, in any process: what the leases in Redis say.

Beside `queues`, whose stored shapes it reads, as `inspection` does, but for many rooms at
once and without what waits there. Nothing on the way of a message asks here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from delivery import names
from delivery.calls import Call
from delivery.redis_client import QUEUES, run_scripts


@dataclass(frozen=True, slots=True)
class DevicePresence:
    """`since_ms`: when it came online, or when it left; lease_ends_ms 0 = it is offline."""

    id: str
    since_ms: int
    lease_ends_ms: int = 0

    @property
    def is_online(self) -> bool:
        return self.lease_ends_ms > 0


@dataclass(frozen=True, slots=True)
class UserPresence:
    """A user room and the devices it knows, the longest unseen first."""

    site: str
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

    @property
    def lease_ends_ms(self) -> int:
        return max((device.lease_ends_ms for device in self.devices), default=0)


class Presence:
    def __init__(self) -> None:
        self._prefix = settings.CONFIG.redis.prefix
        self._ttl_ms = 1000 * settings.CONFIG.client_ttl_seconds

    async def find(self, site: str, rooms: Sequence[str]) -> list[UserPresence]:
        """Return who is in each of these user rooms. Raises RedisUnavailable."""
        return await self.find_all([(site, room) for room in rooms])

    async def find_all(self, users: Sequence[tuple[str, str]]) -> list[UserPresence]:
        """As `find`, of `(site, room)` each."""
        keys = [names.room_key(self._prefix, site, room) for site, room in users]
        calls = [Call("presence", (key,), ("", self._ttl_ms)) for key in keys]
        replies = await run_scripts(QUEUES, calls)
        return [_to_user(*user, reply) for user, reply in zip(users, replies, strict=True)]


def _to_user(site: str, room: str, reply: Sequence[Any]) -> UserPresence:
    rows = zip(reply[::3], reply[1::3], reply[2::3], strict=True)
    return UserPresence(
        site,
        room,
        tuple(
            DevicePresence(name.decode(errors=names.ERRORS), since, lease_end)
            for name, since, lease_end in rows
        ),
    )
