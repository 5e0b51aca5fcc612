"""Processes on queues of a test's own, and sockets that are known to be live."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from delivery.backplane import Backplane
from delivery.queues import Queues
from tests.delivery.socket_fixtures import Process, Tab


@asynccontextmanager
async def running_process(queues: object) -> AsyncIterator[Process]:
    """A process like that of `start_process`, on queues of the test's own."""
    process = Process(cast("Queues", queues), Backplane())
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


async def connect(process: Process, *rooms: str, device: str = "") -> Tab:
    """Return once the queues know the device: what is sent now is announced to it."""
    tab = await process.connect(*rooms, device=device)
    await process.settle()
    return tab


def events(*tabs: Tab) -> list[list[list[object]]]:
    return [tab.events for tab in tabs]
