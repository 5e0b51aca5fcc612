"""How sites are doing at a glance, for the list of sites: from the counters of all processes."""

import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from asgiref.sync import async_to_sync

from delivery.exceptions import DeliveryError
from delivery.redis_client import QUEUES, close_async_redis
from delivery.service import is_served
from delivery.statistics import Glance, Statistics
from sites.status import SiteStatus

logger = logging.getLogger(__name__)


def provide(names: Collection[str]) -> Mapping[str, SiteStatus]:
    """Ask Redis, from the thread of a page; without an answer nothing is known."""
    if not names:
        return {}
    try:
        glances = async_to_sync(_glance)(list(names))
    except DeliveryError as error:
        logger.warning("The list of sites has no numbers: %s", error)
        return {}
    return {name: _to_status(glance) for name, glance in glances.items()}


async def _glance(names: Collection[str]) -> dict[str, Glance]:
    try:
        return await Statistics().glance(names)
    finally:
        if not is_served():  # a loop that ends with this question, as in a command
            await close_async_redis(QUEUES)


def _to_status(glance: Glance) -> SiteStatus:
    failure = glance.auth_failure
    return SiteStatus(
        clients=glance.clients,
        messages_per_minute=glance.messages_per_minute,
        waiting=glance.waiting,
        last_auth_failure=failure.reason if failure else "",
        last_auth_failure_at=datetime.fromtimestamp(failure.at_seconds, UTC) if failure else None,
    )
