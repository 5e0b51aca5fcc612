"""The web server inside this process: daphne, or uvicorn for those who send much.

Both listen, say so, serve until told to drain, and stop. `serve` chooses.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Protocol

from delivery.daphne_server import DaphneServer
from delivery.listening import Listening
from delivery.uvicorn_server import UvicornServer

logger = logging.getLogger(__name__)


class WebServer(Protocol):
    def run(self, start: Callable[[], Awaitable[None]], on_listening: Listening) -> None:
        """Start the service, listen, serve until stopped. Raises ListenError."""

    async def stop_listening(self) -> None: ...

    async def finish_requests(self) -> None: ...

    def stop(self) -> None: ...


SERVERS: dict[str, type[DaphneServer] | type[UvicornServer]] = {
    "daphne": DaphneServer,
    "uvicorn": UvicornServer,
}


def on_signals(handle: Callable[[], None]) -> None:
    """Call `handle` for SIGTERM and SIGINT; on the second one the process ends at once."""
    loop = asyncio.get_running_loop()
    received = 0

    def receive() -> None:
        nonlocal received
        received += 1
        if received > 1:
            logger.warning("Second signal: stopping at once")
            sys.exit(1)
        handle()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, receive)
