"""Brings announcements to the sockets of this process that they are for.

Between `backplane`, which hears them, and `connections`; `rooms` knows which sockets those are.
"""

import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence, Set

from delivery.backplane import Announcement, Backplane
from delivery.connections import Connection
from delivery.counters import Counters
from delivery.exceptions import DeliveryError
from delivery.feeds import REQUESTED, Feed
from delivery.frames import event_frame
from delivery.journal import Journal
from delivery.queue_values import Device, Position, State, Waiting
from delivery.queues import Queues
from delivery.recent_ids import RecentIds
from delivery.rooms import Rooms
from delivery.tasks import Tasks
from delivery.traces import trace_heard

logger = logging.getLogger(__name__)

UNKNOWN = State("", 0, is_known=False)  # of which a feed finds out by itself
REMEMBERED_BROADCASTS = 10_000  # ids of the last broadcasts: a call is heard once per group
NOT_RELEASED = "%(site)s/%(room)s '%(device)s' not released, its lease will run out: %(error)s"


class Switchboard:
    """The connections of this process and where announcements find them."""

    def __init__(
        self,
        queues: Queues,
        backplane: Backplane,
        counters: Counters,
        journal: Journal,
        *,
        is_traced: bool = False,
    ) -> None:
        self.counters = counters
        self.journal = journal
        self._queues = queues
        self._backplane = backplane
        self._rooms = Rooms()
        self._connections: dict[str, Connection] = {}  # by sid
        self._of_site: Counter[str] = Counter()
        self._heard = RecentIds(REMEMBERED_BROADCASTS)
        self._tasks = Tasks()
        self._is_traced = is_traced  # every announcement is a line of the log

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connections.values()))

    def find(self, sid: str) -> Connection | None:
        return self._connections.get(sid)

    def count(self, site: str, room: str) -> int:
        """How many sockets are in a room here."""
        return len(self._rooms.members(site, room))

    def count_of_site(self, site: str) -> int:
        return self._of_site[site]

    async def join(self, connection: Connection) -> None:
        """Return once the socket's rooms are heard, and its devices known to their queues.

        Raises BackplaneUnavailable, RedisUnavailable; `leave` is due then, too.
        """
        self._connections[connection.sid] = connection
        self._of_site[connection.site.name] += 1
        await self._enter(connection, connection.rooms)

    def go_live(self, connection: Connection) -> None:
        """The client knows that it is connected: start its feeds and broadcasts."""
        connection.is_ready = True
        connection.counts.connect()
        self._start_feeds(connection)

    async def move(self, connection: Connection, rooms: Sequence[str]) -> None:
        """Bring a live socket to these rooms; what waits in new user rooms is replayed.

        Raises BackplaneUnavailable, RedisUnavailable: it is in none of the new rooms then, and
        in the old ones only as far as it may be.
        """
        former = set(connection.rooms)
        await self._part(connection, former.difference(rooms))
        joined = [room for room in rooms if room not in former]
        if not joined or not self._has(connection):
            return
        connection.rooms += tuple(joined)
        try:
            await self._enter(connection, joined)
        except DeliveryError:
            await self._part(connection, set(joined))
            raise
        if self._has(connection):
            self._start_feeds(connection)
        else:  # it has left while its devices were made known
            await self._release_unused(connection.devices_in(joined))

    async def leave(self, connection: Connection) -> None:
        """Forget the socket; devices without another one here are offline from now on."""
        if self._connections.pop(connection.sid, None) is None:
            return
        if connection.is_ready:
            connection.counts.disconnect()
        connection.close()
        self._of_site[connection.site.name] -= 1
        await self._exit(connection, connection.rooms)

    async def end(self) -> None:
        """Finish what was asked of the queues: behind the backplane's end, before theirs."""
        await self._tasks.finish(timeout_seconds=2.0)

    def hear(self, announcement: Announcement) -> None:
        """Pass an announcement on to those it is for."""
        match announcement["type"]:
            case "stored":
                self._hear_announced(announcement)
            case "broadcast":
                self._hear_broadcast(announcement)
            case "resync":
                device = Device(announcement["site"], announcement["room"], announcement["device"])
                reason, epoch, seq = (announcement[key] for key in ("reason", "epoch", "seq"))
                if self.resync(device, reason, epoch, seq) and reason == REQUESTED:
                    # Nobody here has asked for it, so nobody else takes it.
                    self._tasks.start(self._queues.take_resync(device))
            case "disconnect":
                self._hear_disconnect(announcement)
            case "probe":
                self.counters.backplane_lag.observe(time.monotonic() - announcement["sent_at"])

    def hear_stored(
        self, site: str, room: str, epoch: str, message: Waiting, overflowed: Collection[str]
    ) -> None:
        """Pass on what was stored, but for the `overflowed` devices."""
        if self._is_traced:
            trace_heard(site, message.id, [room], self.count(site, room))
        self._rooms.offer(site, room, epoch, message, overflowed)
        for device_id in overflowed:
            self._take_overflow(Device(site, room, device_id))

    def doubt(self, site: str, rooms: Iterable[str]) -> None:
        """Have the sockets of these rooms look: something may be stored that nobody announced."""
        for room in rooms:
            self._rooms.compare(site, room, UNKNOWN)

    def resync(self, device: Device, reason: str, epoch: str, seq: int) -> int:
        """Tell the device's sockets here that its queue was given up; return how many."""
        feeds = list(self._rooms.feeds_of(device))
        for feed in feeds:
            feed.give_up(reason, epoch, seq)
        self._rooms.stir(device.site, device.room)
        return len(feeds)

    def note_break(self) -> None:
        """Announcements may have been missed: `leases` asks for those that have feeds."""
        for connection in self:
            connection.note_stirred(connection.rooms)

    def positions(self) -> dict[Device, Position]:
        """The devices that are online in this process, and how far the first of their tabs is."""
        return self._rooms.positions()

    def compare(self, device: Device, state: State) -> None:
        for feed in self._rooms.feeds_of(device):
            feed.compare(state)

    async def _enter(self, connection: Connection, rooms: Sequence[str]) -> None:
        self._rooms.enter(connection, rooms)
        await self._backplane.join(connection.site.name, rooms)
        if devices := connection.devices_in(rooms):
            connection.stirred = set()
            known = await self._queues.know(devices)
            connection.known = dict(zip((each.room for each in devices), known, strict=True))

    async def _exit(self, connection: Connection, rooms: Sequence[str]) -> None:
        self._rooms.leave(connection, rooms)
        await self._backplane.leave(connection.site.name, rooms)
        await self._release_unused(connection.devices_in(rooms))

    async def _part(self, connection: Connection, rooms: Set[str]) -> None:
        """Take a socket that stays out of some of its rooms; one that has left is in none."""
        if not rooms or not self._has(connection):
            return
        connection.close_feeds(rooms)
        connection.rooms = tuple(room for room in connection.rooms if room not in rooms)
        await self._exit(connection, tuple(rooms))

    def _start_feeds(self, connection: Connection) -> None:
        """Start those of the user rooms that have none. What is sent from when the client knows
        that it is connected comes by itself, however late its queue is opened."""
        known = connection.take_known()
        for device in connection.devices:
            if device.room not in connection.feeds:
                feed = connection.feeds[device.room] = Feed(device, self._queues, connection)
                feed.start(known.get(device.room))

    def _has(self, connection: Connection) -> bool:
        return self._connections.get(connection.sid) is connection

    def _hear_announced(self, announcement: Announcement) -> None:
        seq, id_, text = announcement["seq"], announcement["id"], announcement["text"]
        message = Waiting(seq, id_, announcement["resync"], text, announcement.get("previous", ""))
        site, room, epoch = announcement["site"], announcement["room"], announcement["epoch"]
        self.hear_stored(site, room, epoch, message, announcement["overflowed"])

    def _hear_broadcast(self, announcement: Announcement) -> None:
        if not self._heard.take(announcement["id"]):
            return
        site = announcement["site"]
        members = self._rooms.ready_members(site, announcement["shared"])
        members -= self._rooms.ready_members(site, announcement["user"])
        frame = event_frame(f"/{site}", announcement["text"])
        for connection in members:
            connection.send_broadcast(frame)
        self.counters.of(site).broadcast += len(members)
        self.journal.broadcast(site, announcement["id"], len(members))
        if self._is_traced:
            trace_heard(site, announcement["id"], announcement["shared"], len(members))

    def _hear_disconnect(self, announcement: Announcement) -> None:
        """Their clients come back by themselves, and their site is asked again who they are."""
        device_id = announcement["device"]
        for connection in list(self._rooms.members(announcement["site"], announcement["room"])):
            if device_id in (None, connection.device_id):
                connection.close_transport("")

    def _take_overflow(self, device: Device) -> None:
        """Whoever was told of the overflow live must not hear of it again on the next connect."""
        if any(self._rooms.feeds_of(device)):
            self._tasks.start(self._queues.take_resync(device))

    async def _release_unused(self, devices: Iterable[Device]) -> None:
        for device in devices:
            if self._rooms.has(device):
                continue
            try:
                await self._queues.release(device)
                if self._rooms.has(device):  # it has come back, and may have been known before
                    await self._queues.know([device])
            except DeliveryError as error:
                logger.info(NOT_RELEASED, device.fields | {"error": error})
