"""Which sockets of this process are in which room, and which devices are among them.

Below `switchboard`, which fills it and finds by it whom an announcement is for.
"""

from collections.abc import Collection, Iterable, Iterator, Set

from delivery.connections import Connection
from delivery.feeds import Feed
from delivery.queue_values import Device, Position, State, Waiting

NOBODY: frozenset[Connection] = frozenset()


class Rooms:
    def __init__(self) -> None:
        self._members: dict[tuple[str, str], set[Connection]] = {}  # by site and room

    def __len__(self) -> int:
        return len(self._members)

    def enter(self, connection: Connection, rooms: Iterable[str]) -> None:
        for room in rooms:
            self._members.setdefault((connection.site.name, room), set()).add(connection)

    def leave(self, connection: Connection, rooms: Iterable[str]) -> None:
        for room in rooms:
            members = self._members[connection.site.name, room]
            members.discard(connection)
            if not members:
                del self._members[connection.site.name, room]

    def members(self, site: str, room: str) -> Set[Connection]:
        return self._members.get((site, room), NOBODY)

    def ready_members(self, site: str, rooms: Iterable[str]) -> set[Connection]:
        """Those of any of the rooms whose clients know that they are connected."""
        members: set[Connection] = set()
        for room in rooms:
            members |= self._members.get((site, room), NOBODY)  # a call may name 1,000
        return {connection for connection in members if connection.is_ready}

    def feeds_of(self, device: Device) -> Iterator[Feed]:
        for connection in self.members(device.site, device.room):
            feed = connection.feeds.get(device.room)
            if feed is not None and connection.device_id == device.id:
                yield feed

    def positions(self) -> dict[Device, Position]:
        """Of each device with a feed that of its furthest one."""
        positions: dict[Device, Position] = {}
        for (_, room), members in self._members.items():
            for connection in members:
                feed = connection.feeds.get(room)
                if feed is not None:
                    known = positions.setdefault(feed.device, feed.position)
                    if known.seq < feed.position.seq:
                        positions[feed.device] = feed.position
        return positions

    def stir(self, site: str, room: str) -> None:
        """Something was announced: whoever is on the way in looks."""
        for connection in self.members(site, room):
            connection.note_stirred([room])

    def offer(
        self, site: str, room: str, epoch: str, message: Waiting, overflowed: Collection[str]
    ) -> None:
        """Give its feeds what was stored, or the end of a queue that `overflowed`."""
        for connection in tuple(self._members.get((site, room), NOBODY)):
            feed = connection.feeds.get(room)
            if feed is None or not connection.is_ready:
                connection.note_stirred([room])
            elif connection.device_id in overflowed:
                feed.give_up("overflow", epoch, message.seq)
            else:
                feed.offer(epoch, message)

    def compare(self, site: str, room: str, state: State) -> None:
        """Have each of its feeds compare; whoever is on the way in looks."""
        self.stir(site, room)
        for connection in self.members(site, room):
            if feed := connection.feeds.get(room):
                feed.compare(state)

    def has(self, device: Device) -> bool:
        """Whether a socket of the device is there, or on its way in."""
        members = self.members(device.site, device.room)
        return any(connection.device_id == device.id for connection in members)
