"""Where a web server listens, and what it says of that.

Below `daphne_server` and `uvicorn_server`; imports only the mail of workers.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Self

from delivery.mail import Mail

logger = logging.getLogger(__name__)

REQUESTS_TIMEOUT_SECONDS = 10.0  # for requests still running when draining

Listening = Callable[[str, int], None]


async def finish(requests: Collection[asyncio.Future[Any]]) -> None:
    """Wait until the requests are answered, or for as long as they are given."""
    if requests:
        _, cut = await asyncio.wait(requests, timeout=REQUESTS_TIMEOUT_SECONDS)
        if cut:
            text = "%d requests are cut off, which have taken more than %g s to end"
            logger.warning(text, len(cut), REQUESTS_TIMEOUT_SECONDS)


@dataclass(frozen=True)
class Place:
    """Where to listen: at an address, or on a socket that another process has opened; `mail`
    is for connections that the processes on one socket pass on to each other."""

    host: str
    port: int
    fd: int | None = None
    mail: Mail | None = None

    @classmethod
    def of_socket(cls, fd: int, mail: Mail | None = None) -> Self:
        """Raises ListenError when nobody can connect to it."""
        try:
            with socket.socket(fileno=os.dup(fd)) as given:
                listens = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                if given.family != socket.AF_INET or not listens:
                    raise ListenError("it is no socket that listens on an IPv4 address")
                host, port = given.getsockname()
        except OSError as error:
            raise ListenError(f"it is no open socket ({error.strerror})") from error
        return cls(host, port, fd, mail)


def url_of(host: str, port: int) -> str:
    """Say how to call what listens there.

    >>> url_of("127.0.0.1", 1337), url_of("::1", 1337)
    ('http://127.0.0.1:1337', 'http://[::1]:1337')
    """
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class ListenError(Exception):
    """The address cannot be listened on; the cause is the system's OSError, where there is one."""
