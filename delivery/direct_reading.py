"""Connections of Twisted's whose reading the event loop calls itself.

In between, Twisted builds a context for its own log, which nobody reads, and which costs more
than reading. The reactor knows no difference. For `daphne_doorway` and `daphne_websocket`;
imports nothing of the project.
"""

import asyncio
import contextvars
from typing import Any

from twisted.internet import reactor, tcp
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

CAN_READ_DIRECTLY = isinstance(reactor, AsyncioSelectorReactor) and all(
    hasattr(reactor, name) for name in ("_readers", "_readOrWrite", "_disconnectSelectable")
)


class DirectConnection(tcp.Server):  # type: ignore[misc]
    """In place of the connections that a `tcp.Port` makes."""

    def startReading(self) -> None:
        if CAN_READ_DIRECTLY and self not in reactor._readers:
            _add(self)
        else:
            super().startReading()


def read_directly(transport: Any) -> None:
    """For one that was made in another way, and is read; it takes the long way again whenever it
    is read anew."""
    is_direct = isinstance(transport, DirectConnection)
    if CAN_READ_DIRECTLY and not is_direct and transport in reactor._readers:
        _add(transport)


def _add(transport: Any) -> None:
    fd = transport.fileno()
    # In a context of its own: that of the caller would be kept for as long.
    context = contextvars.Context()
    context.run(asyncio.get_running_loop().add_reader, fd, _read, transport)
    reactor._readers[transport] = fd


def _read(transport: Any) -> None:
    """In one step what the reactor does in three; where there is no data, it finds out why."""
    try:
        data = transport.socket.recv(transport.bufferSize)
    except (OSError, AttributeError):
        data = b""
    if not data:
        reactor._readOrWrite(transport, True)
        return
    try:
        transport.protocol.dataReceived(data)
    except Exception as error:  # noqa: BLE001, as the reactor has it
        reactor._log.failure(None)
        reactor._disconnectSelectable(transport, error, True)
