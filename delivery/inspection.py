"""One room from outside: its devices and what waits for them, for the people who run it.

Beside `queues`, whose stored shapes it reads; nothing on the way of a message asks here.
What is only looked at is not changed, not even by an expiry that is due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings

from delivery import names
from delivery.calls import Call
from delivery.queue_values import Device
from delivery.redis_client import QUEUES, run_scripts

MAX_SHOWN = 100  # waiting messages of a room
LAST_LOOKED_AT = 100  # of a queue, when one message is looked for


@dataclass(frozen=True, slots=True)
class WaitingHead:
    """A waiting message without its arguments."""

    seq: int
    id: str
    event: str
    stored_at_ms: int
    resync: bool
    bytes: int


@dataclass(frozen=True, slots=True)
class DeviceState:
    """`seen_until_ms`: the end of its lease while it is online, else when it left; 0 = nobody has
    come yet. `messages` are the first of those that wait, oldest first."""

    id: str
    is_online: bool
    seen_until_ms: int
    waiting: int
    waiting_bytes: int
    resync_reason: str
    messages: tuple[WaitingHead, ...]


@dataclass(frozen=True, slots=True)
class RoomState:
    now_ms: int
    epoch: str
    seq: int
    devices: tuple[DeviceState, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one message has got with one device."""

    device: str
    is_online: bool
    is_waiting: bool  # False = acknowledged, or dropped


@dataclass(frozen=True, slots=True)
class Requested:
    """`epoch` and `seq`: up to where the queue was dropped."""

    is_known: bool
    epoch: str
    seq: int


class Inspection:
    """Every method raises RedisUnavailable."""

    def __init__(self, *, alias: str = QUEUES, ttl_seconds: int | None = None) -> None:
        config = settings.CONFIG
        self._alias = alias
        self._prefix = config.redis.prefix
        self._ttl_ms = 1000 * (config.client_ttl_seconds if ttl_seconds is None else ttl_seconds)

    async def look(self, site: str, room: str) -> RoomState:
        """Return the room's devices, and the first messages that wait for them."""
        now, epoch, seq, *devices = await self._run("inspect", site, room, MAX_SHOWN)
        return RoomState(int(now), epoch.decode(), seq, tuple(map(_to_device, devices)))

    async def read_text(self, device: Device, seq: int) -> str | None:
        """Return the JSON list of event and arguments; None = it waits no more."""
        member = await self._run("text", device.site, device.room, _encode(device.id), seq)
        return None if member is None else member.split(b"|", 6)[6].decode()

    async def follow(self, site: str, room: str, message_id: str) -> list[Progress]:
        """Return how far a message of late has got with each device of the room."""
        reply = await self._run("progress", site, room, message_id, LAST_LOOKED_AT)
        rows = zip(reply[::3], reply[1::3], reply[2::3], strict=True)
        return [
            Progress(_decode(name), bool(is_online), bool(waits)) for name, is_online, waits in rows
        ]

    async def request_resync(self, device: Device) -> Requested:
        """Drop all that waits; leave a resync for the client that somebody has to announce."""
        reply = await self._run("request_resync", device.site, device.room, _encode(device.id))
        is_known, epoch, seq = reply
        return Requested(bool(is_known), epoch.decode(), seq)

    async def _run(self, script: str, site: str, room: str, *args: bytes | str | int) -> Any:
        key = names.room_key(self._prefix, site, room)
        call = Call(script, (key,), ("", self._ttl_ms, *args))
        [reply] = await run_scripts(self._alias, [call])
        return reply


def _encode(device_id: str) -> bytes:
    return device_id.encode(errors=names.ERRORS)


def _decode(device_id: bytes) -> str:
    return device_id.decode(errors=names.ERRORS)


def _to_device(row: Sequence[Any]) -> DeviceState:
    name, is_online, seen, waiting, size, reason, heads = row
    pairs = zip(heads[::2], heads[1::2], strict=True)
    return DeviceState(
        _decode(name),
        bool(is_online),
        seen,
        waiting,
        size,
        reason.decode(),
        tuple(_to_head(head, size) for head, size in pairs),
    )


def _to_head(head: bytes, size: int) -> WaitingHead:
    seq, message_id, _, stored_ms, resync, _, event = head.split(b"|", 6)
    return WaitingHead(
        int(seq), message_id.decode(), orjson.loads(event), int(stored_ms), resync == b"1", size
    )
