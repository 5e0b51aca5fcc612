"""What `/send` has for user rooms: stored, and told to the processes that have the clients.

Below `publish`; `queues` stores it. Nothing here knows HTTP, Redis or Channels.
"""

import logging
from collections.abc import Iterator, Sequence

from delivery.backplane import Backplane
from delivery.counters import Counters
from delivery.exceptions import BackplaneUnavailable, DeliveryError
from delivery.queue_values import Appended, QueueLimits, ToStore, Waiting
from delivery.queues import Queues
from delivery.sendings import Sending, joined_ids
from delivery.switchboard import Switchboard
from delivery.traces import trace_stored
from sites.snapshots import SiteSnapshot

logger = logging.getLogger(__name__)

ROOMS_AT_ONCE = 500  # of a call, which may name a hundred thousand


class Storing:
    def __init__(
        self,
        queues: Queues,
        backplane: Backplane,
        switchboard: Switchboard,
        counters: Counters,
        *,
        is_traced: bool = False,
    ) -> None:
        self._queues = queues
        self._backplane = backplane
        self._switchboard = switchboard
        self._counters = counters
        self._is_traced = is_traced  # what is stored is a line of the log for each room

    async def store(self, site: SiteSnapshot, sendings: Sequence[Sending]) -> Sequence[Appended]:
        """Return what became of each user room of the first message, then of the second...

        Raises RedisUnavailable.
        """
        to_store = [
            ToStore(each.message, each.user_rooms, each.key) for each in sendings if each.user_rooms
        ]
        appended: list[Appended] = []
        for some in _portions(to_store):
            appended += await self._store_some(site, some)
        return appended

    async def _store_some(
        self, site: SiteSnapshot, to_store: Sequence[ToStore]
    ) -> Sequence[Appended]:
        limits = QueueLimits(site.queue_messages, site.queue_bytes)
        try:
            appended = await self._queues.append_all(site.name, to_store, limits)
        except DeliveryError:
            # Some may be stored all the same, and left to this process to tell of.
            for each in to_store:
                self._switchboard.doubt(site.name, each.rooms)
            raise
        self._counters.of(site.name).queued += len(appended)
        self._note_overflows(site.name, appended)
        if self._is_traced:
            trace_stored(site.name, appended)
        if self._queues.announces:
            self._tell_here(site.name, to_store, appended)
        else:
            await self._announce(site.name, to_store, appended)
        return appended

    def _tell_here(
        self, site: str, stored: Sequence[ToStore], appended: Sequence[Appended]
    ) -> None:
        """Of what no other process need hear of, which Redis has left to this one."""
        messages = (each.message for each in stored for _ in each.rooms)
        for message, each in zip(messages, appended, strict=True):
            if each.is_only_here:
                id_, resync, text = message.id, message.resync, message.text
                waiting = Waiting(each.seq, id_, resync, text, each.previous_id)
                self._switchboard.hear_stored(site, each.room, each.epoch, waiting, each.overflowed)

    async def _announce(
        self, site: str, stored: Sequence[ToStore], appended: Sequence[Appended]
    ) -> None:
        """A failure costs time only: the queue is the truth."""
        messages = (each.message for each in stored for _ in each.rooms)
        try:
            await self._backplane.announce_stored(site, zip(messages, appended, strict=True))
        except BackplaneUnavailable as error:
            fields = {"site": site, "message": joined_ids(stored), "error": error}
            logger.warning(
                "Site %(site)s: message %(message)s stored, not announced: %(error)s", fields
            )

    def _note_overflows(self, site: str, appended: Sequence[Appended]) -> None:
        for each in appended:
            if each.overflowed:
                self._counters.of(site).overflows += len(each.overflowed)
                fields = {
                    "site": site,
                    "room": each.room,
                    "message": each.message_id,
                    "devices": list(each.overflowed),
                }
                logger.warning(
                    "%(site)s/%(room)s: queues of %(devices)s were full, dropped with %(message)s",
                    fields,
                )


def _portions(to_store: Sequence[ToStore]) -> Iterator[Sequence[ToStore]]:
    """What one portion stores is told before the next one is stored."""
    some: list[ToStore] = []
    rooms = 0
    for each in to_store:
        some.append(each)
        rooms += len(each.rooms)
        if rooms >= ROOMS_AT_ONCE:
            yield some
            some, rooms = [], 0
    if some:
        yield some
