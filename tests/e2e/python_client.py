"""python-socketio's client, in the form in which the Node clients are driven."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import socketio

from tests.e2e.service import Service
from tests.e2e.waiting import WAIT_SECONDS

Heard = tuple[str, list[Any]]


@dataclass
class PythonClient:
    """It cannot tell whether an ack is asked for: what a handler returns is sent if it is."""

    client: Any
    events: "asyncio.Queue[Heard]" = field(default_factory=asyncio.Queue)

    async def event(self) -> Heard:
        return await asyncio.wait_for(self.events.get(), WAIT_SECONDS)

    async def on_event(self, name: str, *args: Any) -> None:
        self.events.put_nowait((name, list(args)))


@asynccontextmanager
async def python_client(
    service: Service, token: str, site: str = "newsite", transports: tuple[str, ...] = ()
) -> AsyncIterator[PythonClient]:
    """A connected client. Raises socketio.exceptions.ConnectionError when it is refused."""
    namespace = f"/{site}"
    wrapped = PythonClient(socketio.AsyncClient(reconnection=False))
    wrapped.client.on("*", wrapped.on_event, namespace=namespace)
    try:
        await wrapped.client.connect(
            service.url,
            namespaces=[namespace],
            auth={"token": token},
            transports=list(transports) or None,
            wait_timeout=WAIT_SECONDS,
        )
        yield wrapped
    finally:
        await wrapped.client.disconnect()
        if wrapped.client.eio.http is not None:
            await wrapped.client.eio.http.close()
