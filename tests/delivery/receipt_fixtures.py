"""Small queues by Redis' own clock, as receipts are, and what is sent and found there."""

from collections.abc import AsyncIterator

import pytest_asyncio
from redis.asyncio import Redis

from delivery.payloads import SendRequest
from delivery.queues import Queues
from delivery.receipt_values import Receipt
from delivery.receipts import Receipts
from tests.delivery.queue_fixtures import ROOM, SITE
from tests.delivery.socket_fixtures import Process

TTL_SECONDS = 100


@pytest_asyncio.fixture
async def queues(redis: Redis) -> AsyncIterator[Queues]:
    """By Redis' own clock, as receipts are; a queue has room for two messages."""
    queues = Queues(ttl_seconds=TTL_SECONDS, max_messages=2)
    yield queues
    await queues.close()


async def send(process: Process, *rooms: str, resync: bool = False) -> str:
    """Return the id of the message."""
    request = SendRequest(rooms or (ROOM,), "hello", '["hello",1]', None)
    return (await process.publisher.publish(process.site, request, resync)).id


async def find(process: Process, message_id: str, site: str = SITE) -> Receipt:
    receipt = await Receipts(process.journal, ttl_seconds=TTL_SECONDS).find(site, message_id)
    assert receipt is not None
    return receipt
