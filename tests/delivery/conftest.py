"""What the tests of delivery share."""

from tests.delivery.backplane_fixtures import backplane, far, other
from tests.delivery.fake_site import fake_site
from tests.delivery.feed_fixtures import feed, make_feed, no_waiting, outlet
from tests.delivery.http_fixtures import edge
from tests.delivery.layer_fixtures import far_layer, layer, limited_layer
from tests.delivery.queue_fixtures import clock, queues, redis, send
from tests.delivery.raw_site import caller, raw_site
from tests.delivery.redis_proxy import redis_proxy
from tests.delivery.server_fixtures import (
    gateway,
    make_gateway,
    make_namespaces,
    reauth,
    seconds,
    site_auth,
    sites,
    updates,
)
from tests.delivery.socket_fixtures import acks_count_from_one, own_layers, process, start_process

__all__ = [
    "acks_count_from_one",
    "backplane",
    "caller",
    "clock",
    "edge",
    "fake_site",
    "far",
    "far_layer",
    "feed",
    "gateway",
    "layer",
    "limited_layer",
    "make_feed",
    "make_gateway",
    "make_namespaces",
    "no_waiting",
    "other",
    "outlet",
    "own_layers",
    "process",
    "queues",
    "raw_site",
    "reauth",
    "redis",
    "redis_proxy",
    "seconds",
    "send",
    "site_auth",
    "sites",
    "start_process",
    "updates",
]
