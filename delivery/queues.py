"""Queues: what waits for each device of a user room. Redis is their truth.

Stands behind publish, acks and connections. All of an operation happens in one Lua
script (`lua/`, where the stored shapes are described), so that none is seen half done.
Beside redis_client the only module that knows Redis.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from delivery import names
from delivery.message import Message
from delivery.redis_client import Call, close_async_redis, ping, run_scripts

LEASE_SECONDS = 60  # three renewals may fail before a live device counts as gone
ONCE_SECONDS = 300  # how long an Idempotency-Key is remembered
MAX_DEVICES = 20  # a user room's; clients choose their ids, so something must end it
MAX_MESSAGES = 10_000  # a queue's; past it, reloading is cheaper than replaying
MAX_BYTES = 16 * 1024 * 1024  # of text in a queue
BATCH_MESSAGES = 500
BATCH_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Device:
    """The owner of one queue; id "" is a client without deviceId."""

    site: str
    room: str
    id: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits to be acknowledged."""

    seq: int
    id: str
    resync: bool
    text: str


@dataclass(frozen=True, slots=True)
class Appended:
    """`overflowed`: ids of the devices whose queue was full and has been dropped."""

    room: str
    epoch: str
    seq: int
    overflowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """The first that waits, oldest first, and where the room stands at that moment.

    epoch "" = the room has had no message yet, seq is 0. resync_reason "" = none. A device
    not known (evicted, state lost) has nothing that waits and must be opened again.
    """

    epoch: str
    seq: int
    messages: tuple[Waiting, ...]
    resync_reason: str
    is_known: bool
    has_more: bool


@dataclass(frozen=True, slots=True)
class Ack:
    """`seqs` in the order acked. A batch is one ack and does not check the order."""

    device: Device
    epoch: str
    seqs: tuple[int, ...]
    checks_order: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """`removed` counts what left the queue: all that waited if it was out of order."""

    removed: int
    out_of_order: bool
    seq: int  # the room's


@dataclass(frozen=True, slots=True)
class State:
    """Where a room stands."""

    epoch: str
    seq: int
    is_known: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """The first call with an Idempotency-Key; answer None = it has not ended yet."""

    message_id: str
    answer: bytes | None


class Queues:
    """All queues, seen from this process.

    Every method raises RedisUnavailable. `now_ms` replaces Redis' own clock.
    """

    def __init__(
        self,
        *,
        alias: str = "queues",
        ttl_seconds: int | None = None,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
        max_devices: int = MAX_DEVICES,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        config = settings.CONFIG
        self._alias = alias
        self._prefix = config.redis.prefix
        self._ttl_ms = 1000 * (config.client_ttl_seconds if ttl_seconds is None else ttl_seconds)
        self._limits = (max_messages, max_bytes)
        self._max_devices = max_devices
        self._now_ms = now_ms
        self._process = secrets.token_hex(8)

    async def append(
        self, site: str, rooms: Sequence[str], message: Message, once: str = ""
    ) -> list[Appended]:
        """Store a message for each device of each room.

        `once` is an idempotency key: a second call with it stores nothing in a room where
        the first has, and returns the first one's epoch and seq.
        """
        epoch = secrets.token_hex(8)
        resync, text = int(message.resync), message.text.encode()
        length = len(message.event_json().encode())
        args = (epoch, message.id, resync, text, length, *self._limits, ONCE_SECONDS)
        calls = [self._room_call("append", site, room, args, once) for room in rooms]
        replies = await run_scripts(self._alias, calls)
        return [_to_appended(room, reply) for room, reply in zip(rooms, replies, strict=True)]

    async def open(
        self, device: Device, count: int = BATCH_MESSAGES, max_bytes: int = BATCH_BYTES
    ) -> Backlog:
        """Know a device and start its lease; return what waits for it.

        1. A new device takes over what was sent before any device was known.
        2. Where there are too many devices, the longest unseen is forgotten.
        3. A pending resync is handed out, once.
        """
        args = (self._process, LEASE_SECONDS * 1000, self._max_devices, count, max_bytes)
        return _to_backlog(await self._run_one("open", device, *args))

    async def read(
        self,
        device: Device,
        after_seq: int,
        count: int = BATCH_MESSAGES,
        max_bytes: int = BATCH_BYTES,
    ) -> Backlog:
        """Return what waits behind a seq; a pending resync is handed out, once."""
        return _to_backlog(await self._run_one("read", device, after_seq, count, max_bytes))

    async def acknowledge(self, acks: Sequence[Ack]) -> list[Acknowledged]:
        """Remove what clients are done with, each ack by the rules of `acknowledge.lua`."""
        replies = await run_scripts(self._alias, [self._ack_call(ack) for ack in acks])
        return [Acknowledged(removed, bool(late), seq) for removed, late, seq in replies]

    async def take_resync(self, device: Device) -> str:
        """Return the reason of a pending resync, "" = none, and count the client as told."""
        return str(await self._run_one("take_resync", device), "ascii")

    async def renew(self, devices: Sequence[Device]) -> list[State]:
        """Extend the leases of devices that are still known."""
        args = (self._process, LEASE_SECONDS * 1000)
        calls = [self._device_call("renew", device, *args) for device in devices]
        replies = await run_scripts(self._alias, calls)
        return [State(epoch.decode(), seq, bool(known)) for epoch, seq, known in replies]

    async def release(self, device: Device) -> None:
        """End the lease: for the process's last socket of the device, none before."""
        await self._run_one("release", device, self._process)

    async def clear(self, device: Device) -> int:
        """Drop all that waits; return how many messages that were."""
        return int(await self._run_one("clear", device))

    async def claim(self, site: str, idempotency_key: str, message_id: str) -> Claim:
        """Return the first call with this key within five minutes, which may be this one."""
        key = names.idempotency_key(self._prefix, site, idempotency_key)
        call = Call("claim", (key,), (message_id, ONCE_SECONDS))
        [(first_id, answer)] = await run_scripts(self._alias, [call])
        return Claim(first_id.decode(), answer)

    async def settle(self, site: str, idempotency_key: str, answer: bytes) -> None:
        """Keep the answer of a claimed call for those that come again."""
        key = names.idempotency_key(self._prefix, site, idempotency_key)
        await run_scripts(self._alias, [Call("settle", (key,), (answer,))])

    async def ping(self) -> None:
        await ping(self._alias)

    async def close(self) -> None:
        await close_async_redis(self._alias)

    async def _run_one(self, script: str, device: Device, *args: str | int) -> Any:
        [reply] = await run_scripts(self._alias, [self._device_call(script, device, *args)])
        return reply

    def _device_call(self, script: str, device: Device, *args: str | int) -> Call:
        device_id = device.id.encode(errors=names.ERRORS)
        return self._room_call(script, device.site, device.room, (device_id, *args))

    def _ack_call(self, ack: Ack) -> Call:
        order = int(ack.checks_order)
        return self._device_call("acknowledge", ack.device, ack.epoch, order, *ack.seqs)

    def _room_call(
        self, script: str, site: str, room: str, args: tuple[bytes | str | int, ...], once: str = ""
    ) -> Call:
        keys = [names.room_key(self._prefix, site, room)]
        if once:
            keys.append(names.once_key(self._prefix, site, room, once))
        now = self._now_ms() if self._now_ms else ""
        return Call(script, tuple(keys), (now, self._ttl_ms, *args))


def _to_appended(room: str, reply: list[Any]) -> Appended:
    epoch, seq, *overflowed = reply
    devices = (device.decode(errors=names.ERRORS) for device in overflowed)
    return Appended(room, epoch.decode(), seq, tuple(devices))


def _to_backlog(reply: list[Any]) -> Backlog:
    epoch, seq, reason, is_known, has_more, *members = reply
    messages = tuple(map(_to_waiting, members))
    return Backlog(epoch.decode(), seq, messages, reason.decode(), bool(is_known), bool(has_more))


def _to_waiting(member: bytes) -> Waiting:
    """Parse `seq|id|stored_ms|resync|event_length|text`."""
    seq, message_id, _, resync, _, text = member.split(b"|", 5)
    return Waiting(int(seq), message_id.decode(), resync == b"1", text.decode())
