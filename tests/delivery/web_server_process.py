"""A process with one of the web servers, which tells on stdout, line by line, what it does.

    python -m tests.delivery.web_server_process daphne|uvicorn PORT [hasty]

A request for `/slow` is answered after SIGUSR1. The first signal to stop begins a drain;
a hasty process stops without one.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from delivery.daphne_server import DaphneServer
from delivery.heads import Heads
from delivery.listening import ListenError, Place
from delivery.uvicorn_server import UvicornServer
from delivery.web_server import SERVERS, on_signals

LISTEN_ERROR_CODE = 3
HEAD_BYTES = 20_000
MESSAGE_BYTES = 1_000_000

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

released = asyncio.Event()
tasks: set[asyncio.Task[None]] = set()  # so that they are not collected


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    path = scope["path"]
    say(f"request {scope.get('root_path', '')}{path}")
    while scope["type"] == "http" and (await receive()).get("more_body"):
        pass
    try:
        if path == "/slow":
            await released.wait()
    except asyncio.CancelledError:
        say(f"cancelled {path}")
        raise
    headers = [(b"content-length", b"4")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"done"})
    say(f"answered {path}")


class Program:
    def __init__(self, server: str, port: int, *, is_hasty: bool) -> None:
        self._is_hasty = is_hasty
        self._server: DaphneServer | UvicornServer = SERVERS[server](
            application,
            Place("127.0.0.1", port),
            MESSAGE_BYTES,
            Heads(HEAD_BYTES, lambda: say("too long")),
        )

    def run(self) -> None:
        self._server.run(self._start, lambda host, port: say(f"listening {host} {port}"))
        say("ended")

    async def _start(self) -> None:
        on_signals(self._leave)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, released.set)
        say("started")

    def _leave(self) -> None:
        say("signal")
        if self._is_hasty:
            self._server.stop()
        else:
            tasks.add(asyncio.create_task(self._drain()))

    async def _drain(self) -> None:
        await self._server.stop_listening()
        say("stopped listening")
        await self._server.finish_requests()
        say("finished requests")
        self._server.stop()


def main(server: str, port: str, *options: str) -> None:
    try:
        Program(server, int(port), is_hasty="hasty" in options).run()
    except ListenError as error:
        say(f"listen error: {error}")
        sys.exit(LISTEN_ERROR_CODE)


if __name__ == "__main__":
    main(*sys.argv[1:])
