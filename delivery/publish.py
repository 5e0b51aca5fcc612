"""Messages on their way: `/send` and `/send/batch` -> queue -> backplane.

`views` hands over what `payloads` has checked; `storing` sees to what is for user rooms,
`backplane` announces the rest. Nothing here knows HTTP, Redis or Channels.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from itertools import islice
from typing import Any, cast

import orjson

from delivery.backplane import Backplane, Broadcast
from delivery.counters import Counters
from delivery.exceptions import DeliveryError, RedisUnavailable
from delivery.journal import Journal
from delivery.payloads import SendRequest
from delivery.queue_values import Appended
from delivery.queues import Queues
from delivery.request_lines import note_sent
from delivery.sendings import Outcome, Sending, joined_ids, keys_of, sending_of
from delivery.storing import Storing
from sites.snapshots import SiteSnapshot

logger = logging.getLogger(__name__)


class Publisher:
    def __init__(
        self,
        queues: Queues,
        storing: Storing,
        backplane: Backplane,
        new_id: Callable[[], int],
        counters: Counters,
        journal: Journal,
    ) -> None:
        self._counters = counters
        self._journal = journal
        self._queues = queues
        self._storing = storing
        self._backplane = backplane
        self._new_id = new_id
        self._running: set[asyncio.Task[Any]] = set()

    async def publish(
        self,
        site: SiteSnapshot,
        request: SendRequest,
        resync: bool,
        idempotency_key: str = "",
        *,
        is_cut: bool = True,
    ) -> Outcome:
        """Publish one message; see `publish_all`."""
        [outcome] = await self.publish_all(site, [request], resync, idempotency_key, is_cut=is_cut)
        return outcome

    async def publish_all(
        self,
        site: SiteSnapshot,
        requests: Sequence[SendRequest],
        resync: bool,
        idempotency_key: str = "",
        *,
        is_cut: bool = True,
    ) -> list[Outcome]:
        """Publish to the end, also when the sender hangs up and its view `is_cut` short then.

        `resync` is for the requests that do not say. Raises RedisUnavailable,
        BackplaneUnavailable.
        """
        steps = self._publish(site, requests, resync, idempotency_key)
        if not is_cut:
            return await self._publish_here(steps)
        task = asyncio.create_task(steps, name=f"publish for {site.name}")
        self._running.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    async def drain(self) -> None:
        """Wait until every message that was taken is on its way."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _publish_here(self, steps: Coroutine[None, None, list[Outcome]]) -> list[Outcome]:
        """Without a task of its own, which costs a tenth of a message."""
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._running.add(task)
        try:
            return await steps
        finally:
            self._running.discard(task)

    def _finished(self, task: asyncio.Task[list[Outcome]]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        # The sender may have hung up. Failures that are expected were logged where they occurred.
        if error is not None and not isinstance(error, DeliveryError):
            logger.error("%s failed", task.get_name(), exc_info=error)

    async def _publish(
        self,
        site: SiteSnapshot,
        requests: Sequence[SendRequest],
        resync: bool,
        idempotency_key: str,
    ) -> list[Outcome]:
        """The steps of one call.

        1. with an idempotency key, claim it: a message that was answered before gets
           that answer; one that was cut short goes on under the id of the first try
        2. append to the queues of the user rooms, each once per idempotency key, and tell of it
        3. broadcast to the shared rooms: a failure is the sender's to repeat, and receivers
           know a repeated broadcast by its id
        4. keep the answers for the idempotency key
        """
        taken_at = time.time()
        keys = keys_of(idempotency_key, len(requests))
        ids = [str(self._new_id()) for _ in keys]
        outcomes: dict[int, Outcome] = {}  # of those that were sent before, by their place
        if idempotency_key:
            ids, outcomes = await self._claim(site.name, keys, ids)
        sendings = [
            sending_of(site, request, ids[i], resync, keys[i])
            for i, request in enumerate(requests)
            if i not in outcomes
        ]
        noted = self._journal.expect([each.message.id for each in sendings])
        try:
            appended = await self._storing.store(site, sendings)
            await self._broadcast(site.name, sendings)
        except Exception as error:
            self._journal.give_back(len(noted))
            fields = {"site": site.name, "message": joined_ids(sendings), "error": error}
            logger.warning("Site %(site)s: message %(message)s not sent: %(error)r", fields)
            raise
        if noted:
            self._note(site.name, sendings, appended, taken_at, noted)
        if idempotency_key and sendings:
            await self._settle(site.name, sendings)
        self._counters.of(site.name).messages += len(sendings)
        if sendings:
            rooms = sum(len(each.message.rooms) for each in sendings)
            fields = {"site": site.name, "message": joined_ids(sendings), "rooms": rooms}
            if not note_sent(fields):
                logger.info("Site %(site)s: message %(message)s sent, rooms: %(rooms)d", fields)
        new = [each.outcome for each in sendings]
        return _fill_in(outcomes, new) if outcomes else new

    async def _claim(
        self, site: str, keys: Sequence[str], ids: Sequence[str]
    ) -> tuple[list[str], dict[int, Outcome]]:
        """Return the messages' ids, and the answers of those that had one before, by index."""
        claims = await self._queues.claim(site, dict(zip(keys, ids, strict=True)))
        outcomes = {
            i: Outcome(**orjson.loads(claim.answer))
            for i, claim in enumerate(claims)
            if claim.answer is not None
        }
        return [claim.message_id for claim in claims], outcomes

    async def _broadcast(self, site: str, sendings: Sequence[Sending]) -> None:
        broadcasts = [
            Broadcast(each.message, each.shared_rooms, each.user_rooms)
            for each in sendings
            if each.shared_rooms
        ]
        if broadcasts:
            await self._backplane.announce_broadcasts(site, broadcasts)

    def _note(
        self,
        site: str,
        sendings: Sequence[Sending],
        appended: Iterable[Appended],
        at: float,
        noted: frozenset[str],
    ) -> None:
        rooms = iter(appended)
        for each in sendings:
            stored = tuple(islice(rooms, len(each.user_rooms)))
            if each.message.id in noted:
                self._journal.accept(site, each.message, at, stored, len(each.shared_rooms))

    async def _settle(self, site: str, sendings: Sequence[Sending]) -> None:
        """Failing here would only make the sender repeat what steps 2 and 3 know already."""
        answers = {each.key: orjson.dumps(each.outcome._asdict()) for each in sendings}
        try:
            await self._queues.settle(site, answers)
        except RedisUnavailable as error:
            fields = {"site": site, "message": joined_ids(sendings), "error": error}
            logger.warning("Site %(site)s: answer %(message)s not kept: %(error)s", fields)


def _fill_in(outcomes: dict[int, Outcome], new: Sequence[Outcome]) -> list[Outcome]:
    """Put the new ones in the places that are free, in their order."""
    rest = iter(new)
    places = range(len(outcomes) + len(new))
    return [outcomes[i] if i in outcomes else next(rest) for i in places]
