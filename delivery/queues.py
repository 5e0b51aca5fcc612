"""Queues: what waits for each device of a user room. Redis is their truth.

Stands behind publish, feeds and acks. All of an operation happens in one Lua
script (`lua/`, where the stored shapes are described), so that none is seen half done.
Above `redis_client`, which runs the scripts.
"""

import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django.conf import settings

from delivery import names
from delivery.calls import Call
from delivery.message import Message
from delivery.queue_replies import to_acknowledged, to_appended, to_backlog, to_known, to_state
from delivery.queue_values import (
    AS_CONFIGURED,
    NOWHERE,
    Ack,
    Acknowledged,
    Appended,
    Backlog,
    Claim,
    Device,
    Known,
    Position,
    QueueLimits,
    State,
    ToStore,
)
from delivery.redis_client import QUEUES, close_async_redis, ping, run_scripts
from sites.limits import in_force

LEASE_SECONDS = 60  # three renewals may fail before a live device counts as gone
ONCE_SECONDS = 300  # how long an Idempotency-Key is remembered
MAX_DEVICES = 20  # a user room's; clients choose their ids, so something must end it
BATCH_MESSAGES = 500
BATCH_BYTES = 512 * 1024

_randomness = random.Random()  # noqa: S311, own: what seeds the module's shall not repeat epochs


class Queues:
    """All queues, seen from this process.

    Every method raises RedisUnavailable. `now_ms` replaces Redis' own clock. With `channels`, what
    the names of the backplane's begin with, Redis announces each message as it stores it, unless
    that concerns this process only.
    """

    def __init__(
        self,
        *,
        alias: str = QUEUES,
        ttl_seconds: int | None = None,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        max_devices: int = MAX_DEVICES,
        now_ms: Callable[[], int] | None = None,
        channels: str = "",
    ) -> None:
        config = settings.CONFIG
        self._alias = alias
        self._prefix = config.redis.prefix
        ttl = config.client_ttl_seconds if ttl_seconds is None else ttl_seconds
        self._ttl_ms = str(1000 * ttl)  # a text is packed in a fifth of the time of a number
        self._max_messages = max_messages or config.limits.queue_messages
        self._max_bytes = max_bytes or config.limits.queue_bytes  # more is cheaper to reload
        self._max_devices = max_devices
        self._now_ms = now_ms
        self._channels = channels
        self._process = secrets.token_hex(8)
        self._lease = (self._process, LEASE_SECONDS * 1000)

    @property
    def announces(self) -> bool:
        """Whether what is stored is announced, too; an append that is repeated is not."""
        return bool(self._channels)

    async def append(
        self, site: str, rooms: Sequence[str], message: Message, once: str = ""
    ) -> list[Appended]:
        """Store one message for each device of each room; see `append_all`."""
        return await self.append_all(site, [ToStore(message, tuple(rooms), once)])

    async def append_all(
        self, site: str, messages: Sequence[ToStore], limits: QueueLimits = AS_CONFIGURED
    ) -> list[Appended]:
        """Store messages in their order, each for each device of each of its rooms.

        Return what became of each room of the first message, then of the second and so on.
        """
        rooms = [room for each in messages for room in each.rooms]
        replies = await run_scripts(self._alias, self._append_calls(site, messages, limits))
        return [to_appended(room, reply) for room, reply in zip(rooms, replies, strict=True)]

    async def know(self, devices: Sequence[Device]) -> list[Known]:
        """Store for these devices from now on, and start their leases; return where each stands."""
        more = *self._lease, self._max_devices
        calls = [self._device_call("know", device, *more) for device in devices]
        return [to_known(reply) for reply in await run_scripts(self._alias, calls)]

    async def open(
        self,
        device: Device,
        position: Position = NOWHERE,
        count: int = BATCH_MESSAGES,
        max_bytes: int = BATCH_BYTES,
    ) -> Backlog:
        """Know a device and start its lease; return all that waits for it.

        1. A room that Redis has taken back behind `position` is lost: its queues are dropped
           and it gets a new epoch.
        2. A new device takes over what was sent before any device was known.
        3. Where there are too many devices, the longest unseen is forgotten.
        4. A pending resync is handed out, once.
        """
        args = (*_position(position), *self._lease, self._max_devices, count, max_bytes)
        return to_backlog(await self._run_one("open", device, *args))

    async def read(
        self,
        device: Device,
        position: Position,
        count: int = BATCH_MESSAGES,
        max_bytes: int = BATCH_BYTES,
    ) -> Backlog:
        """Return what waits behind a position, as `open` does for a device that is known."""
        args = (*_position(position), count, max_bytes)
        return to_backlog(await self._run_one("read", device, *args))

    async def acknowledge(self, acks: Sequence[Ack]) -> list[Acknowledged]:
        """Remove what clients are done with, each ack by the rules of `acknowledge.lua`."""
        replies = await run_scripts(self._alias, self._ack_calls(acks))
        return list(map(to_acknowledged, replies))

    async def take_resync(self, device: Device) -> str:
        """Return the reason of a pending resync, "" = none, and count the client as told."""
        return str(await self._run_one("take_resync", device), "ascii")

    async def renew(self, positions: Mapping[Device, Position]) -> list[State]:
        """Extend the leases of devices that are still known; find rooms that were taken back."""
        calls = [
            self._device_call("renew", device, *_position(position), *self._lease)
            for device, position in positions.items()
        ]
        return [to_state(reply) for reply in await run_scripts(self._alias, calls)]

    async def release(self, device: Device) -> None:
        """End the lease: for the process's last socket of the device, none before."""
        await self._run_one("release", device, self._process)

    async def clear(self, device: Device) -> int:
        """Drop all that waits; return how many messages that were."""
        return int(await self._run_one("clear", device))

    async def claim(self, site: str, message_ids: Mapping[str, str]) -> list[Claim]:
        """Return, for each of `{idempotency key: id of this call's message}`, the first call
        with this key within five minutes, which may be this one."""
        calls = [
            Call("claim", (names.idempotency_key(self._prefix, site, key),), (own_id, ONCE_SECONDS))
            for key, own_id in message_ids.items()
        ]
        replies = await run_scripts(self._alias, calls)
        return [Claim(first_id.decode(), answer) for first_id, answer in replies]

    async def settle(self, site: str, answers: Mapping[str, bytes]) -> None:
        """Keep the answers of claimed calls, by their keys, for those that come again."""
        key_of = partial(names.idempotency_key, self._prefix, site)
        calls = [
            Call("settle", (key_of(key),), (answer,), size=len(answer))
            for key, answer in answers.items()
        ]
        await run_scripts(self._alias, calls)

    async def hold_generator(self, number: int) -> bool:
        """Take or keep a generator number for as long as a lease; False = another has it."""
        key = names.generator_key(self._prefix, number)
        [is_held] = await run_scripts(self._alias, [Call("generator", (key,), self._lease)])
        return bool(is_held)

    async def ping(self) -> None:
        await ping(self._alias)

    async def close(self) -> None:
        await close_async_redis(self._alias)

    async def _run_one(self, script: str, device: Device, *args: str | int) -> Any:
        [reply] = await run_scripts(self._alias, [self._device_call(script, device, *args)])
        return reply

    def _append_calls(
        self, site: str, messages: Sequence[ToStore], limits: QueueLimits
    ) -> list[Call]:
        count = in_force(limits.messages, self._max_messages)
        text_bytes = in_force(limits.text_bytes, self._max_bytes)
        shared = (*self._shared(), str(count), str(text_bytes), self._process, self._channels)
        calls, epoch = [], _new_epoch()
        for message, rooms, once in messages:
            text = message.text.encode()
            kind = f"{1 if message.resync else 0}|{message.event_length()}|"
            same, size = (epoch, message.id, kind, text), len(text)
            for room in rooms:
                key = names.room_key(self._prefix, site, room)
                args = (*same, names.group_name(site, room))
                if once:
                    keys = key, names.once_key(self._prefix, site, room, once)
                    calls.append(Call("append_once", keys, (ONCE_SECONDS, *args), shared, size))
                else:
                    calls.append(Call("append", (key,), args, shared, size))
        return calls

    def _ack_calls(self, acks: Sequence[Ack]) -> list[Call]:
        prefix, shared = self._prefix, self._shared()
        return [
            Call(
                "acknowledge",
                (names.room_key(prefix, device.site, device.room),),
                (_encoded(device.id), epoch, "1" if is_checked else "0", " ".join(map(str, seqs))),
                shared,
            )
            for device, epoch, seqs, is_checked, _ in acks
        ]

    def _device_call(self, script: str, device: Device, *args: str | int) -> Call:
        key = names.room_key(self._prefix, device.site, device.room)
        return Call(script, (key,), (_encoded(device.id), *args), self._shared())

    def _shared(self) -> tuple[str, str]:
        """What `common.lua` is given."""
        return str(self._now_ms()) if self._now_ms else "", self._ttl_ms


def _encoded(device_id: str) -> bytes:
    return device_id.encode(errors=names.ERRORS)


def _position(position: Position) -> tuple[str | int, ...]:
    """What `lost.lua` is given: the position, and an epoch should a new one be needed."""
    return (position.epoch, position.seq, position.message_id, _new_epoch())


def _new_epoch() -> str:
    """One that no room has had; nobody gains by guessing it."""
    return f"{_randomness.getrandbits(64):016x}"
