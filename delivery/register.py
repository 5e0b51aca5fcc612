"""Which sockets are in which namespace: python-socketio's manager, fit for many at once.

The library's own looks through all sockets of a namespace for each one that leaves, and
through all that are on their way in for each that comes: with n at once that is n * n, and
seconds with 5,000. Here each is a look-up. Rooms are the `switchboard`'s; below `transport_server`.
"""

from typing import Any

import socketio
from bidict import ValueDuplicationError

EVERYBODY = None  # python-socketio's name for the room of all sockets of a namespace


class Register(socketio.AsyncManager):
    """Shapes: `rooms = {namespace: {EVERYBODY: {sid: eio_sid}}}`."""

    def __init__(self) -> None:
        super().__init__()
        self._coming: set[str] = set()  # sids that wait for their site's answer
        self._leaving: set[str] = set()

    async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Return the new socket's sid; None when the transport has one there already."""
        sid: str = self.server.eio.generate_id()
        try:
            self.basic_enter_room(sid, namespace, EVERYBODY, eio_sid=eio_sid)
        except ValueDuplicationError:
            return None
        self._coming.add(sid)
        return sid

    async def connect(self, sid: str, namespace: str) -> str:
        self._coming.discard(sid)
        return sid

    def is_connected(self, sid: str, namespace: str) -> bool:
        is_between = sid in self._coming or sid in self._leaving
        return not is_between and self.eio_sid_from_sid(sid, namespace) is not None

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        self._leaving.add(sid)
        eio_sid: str | None = self.eio_sid_from_sid(sid, namespace)
        return eio_sid

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        self.basic_leave_room(sid, namespace, EVERYBODY)
        self._coming.discard(sid)
        self._leaving.discard(sid)
