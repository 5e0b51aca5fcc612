"""Takes acknowledged messages off their queues, many in one round trip.

`connections` submits what clients acknowledge and goes on at once; one task
sends it to Redis. An ack that does not reach Redis costs a repetition after the
next connect, never a message.
"""

import asyncio
import logging
from collections.abc import Sequence

from delivery.backplane import Backplane
from delivery.exceptions import DeliveryError, RedisUnavailable
from delivery.queue_values import Ack
from delivery.queues import Queues
from delivery.switchboard import Switchboard

logger = logging.getLogger(__name__)

ACKS_PER_PIPELINE = 500
MAX_WAITING_ACKS = 100_000  # while Redis is away; past it the oldest are let go
RETRY_SECONDS = 0.5


class Acks:
    """The acks of this process on their way to Redis, in the order the clients gave them."""

    def __init__(self, queues: Queues, backplane: Backplane, switchboard: Switchboard) -> None:
        self._queues = queues
        self._backplane = backplane
        self._switchboard = switchboard
        self._waiting: list[Ack] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def submit(self, acks: Sequence[Ack]) -> None:
        if not self._waiting:  # else they were told when the first of those came
            self._idle.clear()
            self._wake.set()
        self._waiting.extend(acks)
        excess = len(self._waiting) - MAX_WAITING_ACKS
        if excess > 0:
            logger.warning("%d acks let go, their messages will come again", excess)
            del self._waiting[:excess]

    async def run(self) -> None:
        """Send what is submitted, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                try:
                    await self._send_some()
                except Exception:
                    logger.exception("Acks failed, their messages will come again")
            self._idle.set()

    async def drain(self, timeout_seconds: float) -> None:
        """Wait until all that was submitted is in Redis, at most so long."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._idle.wait()
        except TimeoutError:
            logger.warning(
                "Acks not sent within %g s, their messages will come again", timeout_seconds
            )

    async def _send_some(self) -> None:
        """1. Remove in one pipeline. 2. On failure keep them and try again later. 3. Tell a
        device that acked out of order, once, that its queue was dropped."""
        some = self._waiting[:ACKS_PER_PIPELINE]
        del self._waiting[: len(some)]
        try:
            results = await self._queues.acknowledge(some)
        except RedisUnavailable:
            self._waiting[:0] = some
            await asyncio.sleep(RETRY_SECONDS)
            return
        for ack, result in zip(some, results, strict=True):
            if result.dropped_to:
                await self._tell_out_of_order(ack, result.dropped_to)
            elif result.removed:
                self._switchboard.journal.acked(ack.device, ack.ids)

    async def _tell_out_of_order(self, ack: Ack, seq: int) -> None:
        device = ack.device
        logger.warning(
            "Ack out of order: queue of %(site)s/%(room)s '%(device)s' dropped up to seq %(seq)d",
            device.fields | {"seq": seq},
        )
        is_told = self._switchboard.resync(device, "out_of_order", ack.epoch, seq)
        try:
            if is_told:
                await self._queues.take_resync(device)
            await self._backplane.announce_resync(device, "out_of_order", ack.epoch, seq)
        except DeliveryError as error:
            logger.warning(
                "Other sockets of %(site)s/%(room)s '%(device)s' not told to resync: %(error)s",
                device.fields | {"error": error},
            )
