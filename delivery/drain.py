"""Draining: how a process leaves without losing anything.

Clients are sent away a few at a time, so that they come back spread over the
processes that stay.
"""

import asyncio
import logging
import random

from delivery.service import Service
from delivery.web_server import WebServer

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 3.0  # over which the sockets are closed, in random order


async def drain(service: Service, web_server: WebServer) -> None:
    """1. Take no new connections, end the live views. 2. Close the sockets, spread over a few
    seconds. 3. Finish running requests and acks. 4. Close the connections to Redis and to the
    sites."""
    logger.info("Draining %d sockets", len(service.switchboard))
    await web_server.stop_listening()
    await service.metrics_port.stop()
    service.live.end()
    await _close_transports(service)
    await web_server.finish_requests()
    await service.stop()
    logger.info("Drained")


async def _close_transports(service: Service) -> None:
    transports = service.server.transports()
    random.shuffle(transports)
    pause_seconds = DRAIN_SECONDS / max(len(transports), 1)
    for eio_sid in transports:
        service.server.close_transport(eio_sid)
        await asyncio.sleep(min(pause_seconds, 0.1) * random.uniform(0.5, 1.5))  # noqa: S311
