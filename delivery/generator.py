"""The part of message ids that is this process's own: two processes never make the same id.

The number is held in Redis like a lease. The configured one is the first choice; when
another process has it, as with two processes on one config.yml, a free one is taken.
"""

import asyncio
import logging
import random

from delivery.exceptions import DeliveryError, RedisUnavailable
from delivery.ids import FlakeIds
from delivery.queues import Queues

logger = logging.getLogger(__name__)

NUMBERS = 1024  # ten bits
RENEWAL_SECONDS = 20.0  # a third of the lease


class Generator:
    def __init__(self, queues: Queues, ids: FlakeIds) -> None:
        self._queues = queues
        self._ids = ids

    async def hold(self) -> None:
        """Keep the number, or take another. Raises RedisUnavailable."""
        configured = self._ids.generator_id
        others = random.sample(range(NUMBERS), NUMBERS)
        for number in [configured, *others]:
            if await self._queues.hold_generator(number):
                break
        else:
            raise RedisUnavailable(f"All {NUMBERS} generator numbers are taken")
        if number != configured:
            logger.info(
                "Generator %d is another process's, ids are made with %d", configured, number
            )
            self._ids.generator_id = number

    async def run(self) -> None:
        """Keep the number until cancelled; without Redis nothing can be sent anyway."""
        while True:
            await asyncio.sleep(RENEWAL_SECONDS)
            await self._renew()

    async def _renew(self) -> None:
        try:
            await self.hold()
        except DeliveryError as error:
            logger.warning("Generator number not renewed, its lease may run out: %s", error)
        except Exception:
            logger.exception("Generator number not renewed")
