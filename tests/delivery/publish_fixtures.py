"""A publisher on real queues whose backplane only records, and what its tests send and read."""

import pytest

from delivery.payloads import SendRequest
from delivery.publish import Publisher
from delivery.queue_values import Device
from delivery.queues import Queues
from tests.delivery.http_fixtures import make_site
from tests.delivery.publish_doubles import RecordingBackplane, make_publisher

SITE = make_site()
BOTH = ("user_1", "staff", "user_2", "all")


@pytest.fixture
def backplane() -> RecordingBackplane:
    return RecordingBackplane()


@pytest.fixture
def publisher(queues: Queues, backplane: RecordingBackplane) -> Publisher:
    return make_publisher(queues, backplane)


def make_request(*rooms: str) -> SendRequest:
    return SendRequest(rooms, "update_store", '["update_store","user",{"id":1}]', None)


async def read_waiting(queues: Queues, room: str) -> list[tuple[str, str, bool]]:
    backlog = await queues.open(Device("newsite", room, ""))
    return [(waiting.id, waiting.text, waiting.resync) for waiting in backlog.messages]
