"""What the tests of delivery share."""

from tests.delivery.http_fixtures import edge
from tests.delivery.queue_fixtures import clock, queues, redis, send

__all__ = ["clock", "edge", "queues", "redis", "send"]
