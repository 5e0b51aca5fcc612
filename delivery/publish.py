"""One message on its way: `/send` -> queue -> backplane.

`views` hands over what `payloads` has checked; `queues` stores it, `backplane`
announces it. Nothing here knows HTTP, Redis or Channels.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from delivery.backplane import Backplane
from delivery.exceptions import BackplaneUnavailable, RedisUnavailable
from delivery.message import Message
from delivery.payloads import SendRequest
from delivery.queues import Queues
from sites.registry import SiteSnapshot

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender is told; stored as JSON for a call with an idempotency key."""

    id: str
    queued: int  # user rooms, each with its queues
    broadcast: int  # shared rooms


class Publisher:
    def __init__(self, queues: Queues, backplane: Backplane, new_id: Callable[[], int]) -> None:
        self._queues = queues
        self._backplane = backplane
        self._new_id = new_id
        self._running: set[asyncio.Task[Receipt]] = set()

    async def publish(
        self, site: SiteSnapshot, request: SendRequest, resync: bool, idempotency_key: str = ""
    ) -> Receipt:
        """Publish to the end, also when the sender hangs up: Django cancels its view then.

        Raises RedisUnavailable, BackplaneUnavailable.
        """
        steps = self._publish(site, request, resync, idempotency_key)
        task = asyncio.create_task(steps, name=f"publish for {site.name}")
        self._running.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    async def drain(self) -> None:
        """Wait until every message that was taken is on its way."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _finished(self, task: asyncio.Task[Receipt]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.warning("%s failed: %r", task.get_name(), error)

    async def _publish(
        self, site: SiteSnapshot, request: SendRequest, resync: bool, idempotency_key: str
    ) -> Receipt:
        """The steps of one call.

        1. with an idempotency key, claim it: a call that was answered before gets
           that answer; one that was cut short goes on under the id of the first try
        2. append to the queues of the user rooms, each once per idempotency key
        3. announce what is stored: a failure costs time only, the queue is the truth;
           broadcast to the shared rooms: a failure is the sender's to repeat, and
           receivers know a repeated broadcast by its id
        4. keep the answer for the idempotency key
        """
        message_id, answer = await self._claim(site.name, idempotency_key)
        if answer is not None:
            return Receipt(**orjson.loads(answer))
        message = Message.build(message_id, request.event, request.args, resync, request.rooms)
        user_rooms = tuple(room for room in request.rooms if site.is_user_room(room))
        shared_rooms = tuple(room for room in request.rooms if not site.is_user_room(room))
        await self._store(site.name, message, user_rooms, idempotency_key)
        if shared_rooms:
            await self._backplane.announce_broadcast(site.name, message, shared_rooms, user_rooms)
        receipt = Receipt(message.id, len(user_rooms), len(shared_rooms))
        await self._settle(site.name, idempotency_key, receipt)
        logger.info("Site %s: message %s to %d rooms", site.name, message.id, len(request.rooms))
        return receipt

    async def _claim(self, site: str, idempotency_key: str) -> tuple[str, bytes | None]:
        """Return the message's id, and the answer of the first call if it had one."""
        message_id = str(self._new_id())
        if not idempotency_key:
            return message_id, None
        claim = await self._queues.claim(site, idempotency_key, message_id)
        return claim.message_id, claim.answer

    async def _store(
        self, site: str, message: Message, rooms: tuple[str, ...], idempotency_key: str
    ) -> None:
        if not rooms:
            return
        appended = await self._queues.append(site, rooms, message, once=idempotency_key)
        try:
            await self._backplane.announce_stored(site, message, appended)
        except BackplaneUnavailable as error:
            logger.warning("Site %s: message %s stored, not announced: %s", site, message.id, error)

    async def _settle(self, site: str, idempotency_key: str, receipt: Receipt) -> None:
        """Failing here would only make the sender repeat what steps 2 and 3 know already."""
        if not idempotency_key:
            return
        try:
            await self._queues.settle(site, idempotency_key, orjson.dumps(receipt))
        except RedisUnavailable as error:
            logger.warning("Site %s: answer %s not kept: %s", site, receipt.id, error)
