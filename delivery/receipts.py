"""Receipts: what has become of each message of the last hour, told to whoever sent it.

Takes what the process's `journal` has noted to Redis ten times a second, and reads what all
processes have written there; what still waits is read from the queues themselves.
`lua/note.lua` describes the stored shapes. Notes that do not reach Redis are lost to the
receipts, and to nothing else.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from delivery import names
from delivery.calls import Call
from delivery.exceptions import DeliveryError
from delivery.journal import MAX_BYTES, Journal, Taken
from delivery.names import show_id
from delivery.receipt_values import (
    Noted,
    Place,
    Receipt,
    Trace,
    Whereabouts,
    device_receipts,
)
from delivery.redis_client import QUEUES, run_scripts

logger = logging.getLogger(__name__)

# Often, so that each write is short: that of a whole busy second held up others for 10 ms.
WRITE_SECONDS = 0.1
TELL_SECONDS = 10.0
KEPT_SECONDS = 3600
RECENT_MESSAGES = 20  # of a user room
MESSAGES_PER_CALL = 300  # a script holds up everyone else


@dataclass(slots=True)
class Slot:
    """What goes to one Redis Cluster slot: names and texts in turn, as `note.lua` takes them."""

    begun: list[bytes] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    rooms: list[bytes] = field(default_factory=list)


class Receipts:
    """`find` and `recent` raise RedisUnavailable."""

    def __init__(
        self, journal: Journal, *, alias: str = QUEUES, ttl_seconds: int | None = None
    ) -> None:
        config = settings.CONFIG
        self.is_on = journal.is_on
        self._journal = journal
        self._alias = alias
        self._prefix = config.redis.prefix
        self._keys = names.receipts_keys(self._prefix)
        self._ttl_ms = 1000 * (config.client_ttl_seconds if ttl_seconds is None else ttl_seconds)
        self._skipped = 0  # that the log has told of
        self._tell_at = 0.0  # time.monotonic() from when it may tell of more

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self.write()
            await asyncio.sleep(WRITE_SECONDS)

    async def end(self) -> None:
        """Write for the last time."""
        await self.write(to_the_end=True)

    async def write(self, *, to_the_end: bool = False) -> None:
        taken = self._journal.take(to_the_end=to_the_end)
        self._tell_skipped()
        if not taken:
            return
        try:
            await run_scripts(self._alias, list(self._calls(taken)))
        except DeliveryError as error:
            logger.warning("Receipts of %d messages are incomplete: %s", len(taken.begun), error)
        except Exception:
            logger.exception("Receipts could not be written")

    async def find(self, site: str, message_id: str) -> Receipt | None:
        """Return what has become of a message; None = not of this site, older than an hour, or
        not noted."""
        await self.write()
        [receipt] = await self._read(site, [message_id])
        return receipt

    async def recent(self, site: str, room: str) -> list[Receipt]:
        """Return the last messages of a user room, newest first, each with this room only."""
        await self.write()
        name = names.receipt_name(site, room)
        [ids] = await run_scripts(self._alias, [self._call("recent", name)])
        receipts = await self._read(site, [each.decode() for each in dict.fromkeys(ids)], room)
        return [receipt for receipt in receipts if receipt is not None]

    async def _read(self, site: str, ids: Sequence[str], room: str = "") -> list[Receipt | None]:
        """Read some receipts in two round trips; a room's name leaves out all others."""
        noted = await self._read_noted(site, ids)
        places = [
            (i, place)
            for i, each in enumerate(noted)
            if each is not None
            for place in each.places
            if room in ("", place.room)
        ]
        traces = await run_scripts(
            self._alias, [self._trace_call(site, ids[i], place) for i, place in places]
        )
        receipts = [None if each is None else Receipt(each, {}) for each in noted]
        for (i, place), reply in zip(places, traces, strict=True):
            receipt = receipts[i]
            if receipt is not None:
                trace = _to_trace(reply)
                devices = device_receipts(receipt.noted, place, trace, self._ttl_ms)
                receipt.rooms[place.room] = devices
        return receipts

    async def _read_noted(self, site: str, ids: Sequence[str]) -> list[Noted | None]:
        keys = [names.receipt_name(site, each) for each in ids]
        texts = await run_scripts(self._alias, [self._call("noted", key) for key in keys])
        return [
            None if text is None else Noted.parse(message_id, text)
            for message_id, text in zip(ids, texts, strict=True)
        ]

    def _calls(self, taken: Taken) -> Iterator[Call]:
        for key, slot in zip(self._keys, _share_out(taken), strict=True):
            longest = max(map(len, (slot.begun, slot.lines, slot.rooms)))
            for start in range(0, longest, 2 * MESSAGES_PER_CALL):
                some = slice(start, start + 2 * MESSAGES_PER_CALL)
                begun, lines, rooms = slot.begun[some], slot.lines[some], slot.rooms[some]
                head = (KEPT_SECONDS, MAX_BYTES, RECENT_MESSAGES, len(begun) // 2, len(lines) // 2)
                texts = (*begun, *lines, *rooms)
                yield Call("note", (key,), (*head, *texts), size=sum(map(len, texts)))

    def _call(self, script: str, name: bytes) -> Call:
        return Call(script, (self._keys[names.receipt_slot(name)],), (name,))

    def _trace_call(self, site: str, message_id: str, place: Place) -> Call:
        key = names.room_key(self._prefix, site, place.room)
        return Call("trace", (key,), ("", self._ttl_ms, message_id, place.seq))

    def _tell_skipped(self) -> None:
        skipped, now = self._journal.skipped, time.monotonic()
        if skipped > self._skipped and now >= self._tell_at:
            logger.info("Too many messages for a receipt each: %d notes skipped so far", skipped)
            self._skipped, self._tell_at = skipped, now + TELL_SECONDS


def _share_out(taken: Taken) -> list[Slot]:
    slots = [Slot() for _ in range(names.RECEIPT_SLOTS)]
    for message, text in taken.begun.items():
        name = names.receipt_name(*message)
        slots[names.receipt_slot(name)].begun += (name, text)
    for message, text in taken.lines.items():
        name = names.receipt_name(*message)
        slots[names.receipt_slot(name)].lines += (name, text)
    for room, message_id in taken.rooms:
        name = names.receipt_name(*room)
        slots[names.receipt_slot(name)].rooms += (name, message_id.encode())
    return slots


def _to_trace(reply: Sequence[Any]) -> Trace:
    now_ms, epoch, *rows = reply
    devices = {
        show_id(name.decode(errors=names.ERRORS)): Whereabouts(seen, stored, dropped, why.decode())
        for name, seen, stored, dropped, why in rows
    }
    return Trace(int(now_ms), epoch.decode(), devices)
