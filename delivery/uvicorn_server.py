"""uvicorn inside this process: as `daphne_server` in all it does."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from socket import socket
from typing import Any

import uvicorn

from delivery.daphne_doorway import BACKLOG
from delivery.heads import Heads
from delivery.http_connection import KEEP_ALIVE_SECONDS, connection_of
from delivery.listening import ListenError, Listening, Place, finish
from delivery.uvicorn_websocket import UvicornWebSocket


class UvicornServer(uvicorn.Server):
    """uvicorn on an event loop of this process."""

    def __init__(
        self, application: Any, place: Place, max_message_bytes: int, heads: Heads
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                host=place.host,
                port=place.port,
                backlog=BACKLOG,
                http=connection_of(heads),
                ws=UvicornWebSocket,
                ws_max_size=max_message_bytes,
                ws_ping_interval=None,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=1,  # second; finish_requests has waited before
            )
        )
        self._on_listening: Listening | None = None
        self._fd = place.fd

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`."""
        yield

    def run(  # type: ignore[override]
        self, start: Callable[[], Awaitable[None]], on_listening: Listening
    ) -> None:
        self._on_listening = on_listening
        with asyncio.Runner() as runner:
            runner.run(self._start_and_serve(start))

    async def startup(self, sockets: Any = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise ListenError(str(error.__context__)) from error.__context__  # an OSError
        if self._on_listening is not None:
            host, port, *_ = self.servers[0].sockets[0].getsockname()
            self._on_listening(host, port)

    async def stop_listening(self) -> None:
        for server in self.servers:
            server.close()

    async def finish_requests(self) -> None:
        """uvicorn does so itself when it stops, but that is after the service has stopped."""
        await finish(self.server_state.tasks)

    def stop(self) -> None:
        self.should_exit = True

    async def _start_and_serve(self, start: Callable[[], Awaitable[None]]) -> None:
        await start()
        sockets = None if self._fd is None else [socket(fileno=self._fd)]
        await self.serve(sockets)
