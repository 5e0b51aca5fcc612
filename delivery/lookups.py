"""Where a site's name leads: looked up once for all that ask meanwhile, and known for a while.

For `site_client`. A lookup holds one of a few threads that all share, for many seconds where no
name server answers: a site whose name is not known must not take them all, nor may each of a
thousand connects ask. Imports nothing of the project.
"""

import asyncio
import socket
from collections import deque
from typing import Any

KNOWN_SECONDS = 10.0  # as aiohttp's client has it

# (family, type, protocol, canonical name, socket address), as of getaddrinfo().
AddressInfo = tuple[Any, Any, Any, str, Any]


class Lookup:
    """The addresses of one place."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._known: deque[AddressInfo] = deque()
        self._known_until = 0.0  # by the loop's time
        self._task: asyncio.Task[None] | None = None

    async def addresses(self) -> list[AddressInfo]:
        """Return all, each time with another one in front. Raises OSError, UnicodeError."""
        if asyncio.get_running_loop().time() >= self._known_until:
            if self._task is None:
                self._task = asyncio.create_task(self._look_up())
            await asyncio.shield(self._task)
        known = list(self._known)
        self._known.rotate(-1)
        return known

    async def _look_up(self) -> None:
        loop = asyncio.get_running_loop()
        flags = 0 if _is_address(self._host) else socket.AI_ADDRCONFIG
        try:
            found = await loop.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, flags=flags
            )
            self._known, self._known_until = deque(found), loop.time() + KNOWN_SECONDS
        finally:
            self._task = None


def _is_address(host: str) -> bool:
    """Whether it can be called also where this machine has no address of its kind.

    >>> [_is_address(host) for host in ("::1", "127.0.0.1", "2130706433", "newsite.com")]
    [True, True, True, False]
    """
    return ":" in host or host.replace(".", "").isdecimal()
