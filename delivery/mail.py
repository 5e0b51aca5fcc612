"""Connections that came to the wrong one of several processes, passed on to the right one.

A client that polls opens one connection after the other, and the kernel gives each of them
to any of the processes; but its session is in one of them. The session's id begins with
the number of that process, which is sent the connection together with what was read of it.
Between `daphne_doorway` and `daphne_server`; imports nothing of the project.
"""

import asyncio
import logging
import re
import socket
import string
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)

NUMBERS = string.ascii_letters + string.digits + "-_"  # that an id begins with
SESSION_ID = re.compile(rb"[?&]sid=([\w-])")
MAX_BYTES = 131_072  # of what was read of a connection: `daphne_doorway` holds less

Adopt = Callable[[int, bytes], None]


@dataclass(frozen=True)
class Mail:
    """One process's mailbox, and those of all, its own among them, by number."""

    number: int
    inbox: socket.socket
    outboxes: tuple[socket.socket, ...]

    @classmethod
    def of(cls, number: int, inbox_fd: int, outbox_fds: list[int]) -> "Mail":
        sockets = [socket.socket(fileno=fd) for fd in (inbox_fd, *outbox_fds)]
        for each in sockets:
            each.setblocking(False)
        return cls(number, sockets[0], tuple(sockets[1:]))

    @property
    def prefix(self) -> str:
        """What the ids of this process's sessions begin with."""
        return NUMBERS[self.number]

    def find_owner(self, request_line: bytes) -> int | None:
        """The process that a request is for; None = any, or this one.

        >>> mail = Mail(0, None, (None, None))  # type: ignore[arg-type]
        >>> mail.find_owner(b"GET /socket.io/?EIO=4&transport=polling&sid=bK3x HTTP/1.1")
        1
        >>> mail.find_owner(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1")
        """
        match = SESSION_ID.search(request_line)
        number = NUMBERS.find(match[1].decode()) if match else self.number
        return number if number != self.number and number < len(self.outboxes) else None

    def send(self, owner: int, fd: int, read: bytes) -> bool:
        """False = its mailbox is full."""
        try:
            socket.send_fds(self.outboxes[owner], [read], [fd])
        except OSError as error:
            logger.warning("A connection was not passed on to worker %d: %s", owner, error)
            return False
        return True

    def receive(self, adopt: Adopt) -> None:
        """Call `adopt(fd, read)` for each connection that is passed on to this process."""
        asyncio.get_running_loop().add_reader(self.inbox, self._receive_one, adopt)

    def _receive_one(self, adopt: Adopt) -> None:
        try:
            read, [fd, *_], _, _ = socket.recv_fds(self.inbox, MAX_BYTES, 1)
        except (OSError, ValueError) as error:
            logger.warning("A connection that was passed on is lost: %s", error)
            return
        adopt(fd, read)
