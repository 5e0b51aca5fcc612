"""A process that fills the Redis of its configuration: what a user and a message take there.

Started by `sizing.py` with a Redis of its own, which it empties between steps. Prints a list of
`[name, bytes, microseconds]` for one of each, the latter of Redis' processor, as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import django

django.setup()

from redis.asyncio import Redis  # noqa: E402, settings come first

from delivery.journal import Journal  # noqa: E402
from delivery.message import Message  # noqa: E402
from delivery.names import group_name  # noqa: E402
from delivery.queue_values import NOWHERE, Ack, Appended, Device, ToStore  # noqa: E402
from delivery.queues import Queues  # noqa: E402
from delivery.receipts import Receipts  # noqa: E402

SITE = "newsite"
DEVICE = "b7f3c2e1"
FIRST_ID = 7530791394961522691
MESSAGE_BYTES = (200, 2048)
FURTHER_MESSAGES = 9  # for each user, after the first
AT_ONCE = 500
LISTENERS = (1, 10)
CHANNEL = "sizing"

T = TypeVar("T")


@dataclass
class Scale:
    """Redis, weighed before and after a step."""

    redis: "Redis"
    rows: list[tuple[str, float, float]] = field(default_factory=list)

    async def weigh(self, name: str, count: int, step: Callable[[], Awaitable[object]]) -> None:
        """Note what one of `count` has added."""
        bytes_before, seconds_before = await self._read()
        await step()
        bytes_after, seconds_after = await self._read()
        taken = (bytes_after - bytes_before) / count
        self.rows.append((name, taken, 1e6 * (seconds_after - seconds_before) / count))

    async def _read(self) -> tuple[int, float]:
        memory, cpu = await self.redis.info("memory"), await self.redis.info("cpu")
        return memory["used_memory"], cpu["used_cpu_user"] + cpu["used_cpu_sys"]


async def main(users: int, redis_url: str) -> None:
    queues = Queues()
    devices = [Device(SITE, f"user_{number}", DEVICE) for number in range(users)]
    async with Redis.from_url(redis_url) as redis:
        scale = Scale(redis)
        for size in MESSAGE_BYTES:
            await weigh_messages(scale, queues, devices, size)
        await weigh_receipts(scale, users)
        await weigh_subscriptions(scale, users)
        for listeners in LISTENERS:
            await weigh_announcements(scale, users, listeners)
    await queues.close()
    sys.stdout.write(json.dumps(scale.rows))


async def weigh_messages(scale: Scale, queues: Queues, devices: list[Device], size: int) -> None:
    """1. Users come online. 2. They are renewed. 3. They get a first message, and more.
    4. They acknowledge all."""
    users, appended = len(devices), list[Appended]()
    await scale.redis.flushall()
    await queues.append(SITE, ["user_warm-up"], message(size))  # the script is there from now on
    await queues.know([Device(SITE, "user_warm-up", "")])
    await scale.weigh("a user online", users, lambda: in_parts(queues.know, devices))
    positions = dict.fromkeys(devices, NOWHERE)
    await scale.weigh("renewing a lease", users, lambda: queues.renew(positions))

    async def send(count: int) -> None:
        for _ in range(count):
            for some in parts(devices):
                to_store = [ToStore(message(size), (device.room,)) for device in some]
                appended.extend(await queues.append_all(SITE, to_store))

    more = FURTHER_MESSAGES
    await scale.weigh(f"the first message that waits, {size} bytes", users, lambda: send(1))
    await scale.weigh(f"each further one, {size} bytes", users * more, lambda: send(more))
    acks = [
        Ack(device, stored.epoch, (stored.seq,), checks_order=False)
        for device, stored in zip(devices * (1 + more), appended, strict=True)
    ]
    name = f"acknowledging it, {size} bytes"
    await scale.weigh(name, len(acks), lambda: in_parts(queues.acknowledge, acks))


async def weigh_receipts(scale: Scale, users: int) -> None:
    """A receipt says that the message was sent and acknowledged."""
    await scale.redis.flushall()

    async def note(first: int) -> None:
        for numbers in parts(range(users)):
            journal = Journal(max_messages=2 * AT_ONCE)
            for number in numbers:
                message_id, room = str(FIRST_ID + first + number), f"user_{number}"
                stored = Appended(room, "0123456789abcdef", 1, message_id, "", ())
                sent = Message.build(message_id, "update_store", [], False, [room])
                journal.accept(SITE, sent, time.time(), [stored], 0)
                journal.sent(Device(SITE, room, DEVICE), [message_id])
                journal.acked(Device(SITE, room, DEVICE), [message_id])
            await Receipts(journal).end()

    await scale.weigh("a user's first receipt", users, lambda: note(0))
    await scale.weigh("each further receipt", users, lambda: note(users))


async def weigh_subscriptions(scale: Scale, count: int) -> None:
    """A process subscribes to a channel for each room that a socket of its is in."""
    channels = [f"sizing__group__{group_name(SITE, f'user_{number}')}" for number in range(count)]
    listener = scale.redis.pubsub()
    await listener.subscribe(CHANNEL)
    name = "a room that a process listens to"
    await scale.weigh(
        name, count, lambda: in_parts(lambda some: listener.subscribe(*some), channels)
    )
    await listener.aclose()  # type: ignore[no-untyped-call]


async def weigh_announcements(scale: Scale, count: int, listeners: int) -> None:
    """As many processes hear of each."""
    text = "x" * 600  # of a message with 200 bytes
    heard = [scale.redis.pubsub() for _ in range(listeners)]
    for each in heard:
        await each.subscribe(CHANNEL)
        await each.get_message(timeout=1)

    async def publish() -> None:
        for some in parts(range(count)):
            pipeline = scale.redis.pipeline(transaction=False)
            for _ in some:
                pipeline.publish(CHANNEL, text)
            await pipeline.execute()
            for each in heard:
                for _ in some:
                    await each.get_message(timeout=1)

    await scale.weigh(f"an announcement that {listeners} hear", count, publish)
    for each in heard:
        await each.aclose()  # type: ignore[no-untyped-call]


def message(size: int) -> Message:
    """One whose text has `size` bytes."""
    frame = len('["update_store",""]')
    padding = "x" * (size - frame)
    return Message.build(str(FIRST_ID), "update_store", [padding], False, ["user_1"])


async def in_parts(
    operation: Callable[[Sequence[T]], Awaitable[object]], all_: Sequence[T]
) -> None:
    for some in parts(all_):
        await operation(some)


def parts(all_: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(all_), AT_ONCE):
        yield all_[start : start + AT_ONCE]


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
