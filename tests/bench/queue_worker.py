"""A process that times `delivery.queues` directly: append, acknowledge, read.

Run as a script with PYTHONPATH naming the project to measure, which need not be the one
that this file belongs to. Prints {operation: {length: microseconds}} as JSON.
"""

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

import django

django.setup()

from delivery.message import Message  # noqa: E402, settings come first
from delivery.queue_values import Ack, Device, Position, ToStore  # noqa: E402
from delivery.queues import Queues  # noqa: E402

SITE, ROOM = "bench", "user_1"
DEVICE = Device(SITE, ROOM, "")
FILL_MESSAGES = 500  # in one round trip
PADDING = "x" * 170
UNLIMITED = 1 << 30
LATEST = 10  # messages that a read finds; the rest of the queue is before them

_numbers = itertools.count(1)


async def main(lengths: list[int], seconds: float) -> None:
    queues = Queues(max_messages=UNLIMITED, max_bytes=UNLIMITED)
    times: dict[str, dict[str, float]] = {"append": {}, "acknowledge": {}, "read": {}}
    for length in lengths:
        measured = await measure(queues, length, seconds)
        for operation, microseconds in measured.items():
            times[operation][str(length)] = microseconds
    await queues.close()
    sys.stdout.write(json.dumps(times))


async def measure(queues: Queues, length: int, seconds: float) -> dict[str, float]:
    """Median times of one operation each. The queue keeps its length: what is appended is
    acked, alternately."""
    await queues.open(DEVICE)
    await queues.clear(DEVICE)
    epoch, first, last = await fill(queues, length)
    seqs = iter(range(first, 1 << 53))
    appends, acks = [], []
    for _ in until_over(seconds):
        appends.append(await timed(lambda: queues.append(SITE, (ROOM,), message())))
        last += 1
        ack = Ack(DEVICE, epoch, (next(seqs),), checks_order=True)
        acks.append(await timed(lambda ack=ack: queues.acknowledge([ack])))  # type: ignore[misc]
    position = Position(epoch, last - min(LATEST, length))
    reads = [await timed(lambda: queues.read(DEVICE, position)) for _ in until_over(seconds)]
    return {
        "append": statistics.median(appends),
        "acknowledge": statistics.median(acks),
        "read": statistics.median(reads),
    }


async def fill(queues: Queues, length: int) -> tuple[str, int, int]:
    """Return the epoch and the first and the last seq."""
    first, appended = 0, None
    for start in range(0, length, FILL_MESSAGES):
        count = min(FILL_MESSAGES, length - start)
        results = await queues.append_all(SITE, [ToStore(message(), (ROOM,))] * count)
        first = first or results[0].seq
        appended = results[-1]
    if appended is None:
        raise ValueError(f"a queue of {length} messages, expected at least 1")
    return appended.epoch, first, appended.seq


def message() -> Message:
    return Message.build(str(next(_numbers)), "m", [PADDING], False, [ROOM])


def until_over(seconds: float) -> Iterator[None]:
    ends_at = time.perf_counter() + seconds
    while time.perf_counter() < ends_at:
        yield


async def timed(operation: Callable[[], Awaitable[object]]) -> float:
    """Microseconds."""
    started_at = time.perf_counter()
    await operation()
    return 1e6 * (time.perf_counter() - started_at)


if __name__ == "__main__":
    asyncio.run(main([int(length) for length in sys.argv[1].split(",")], float(sys.argv[2])))
