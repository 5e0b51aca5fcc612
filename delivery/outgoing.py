"""Connections for calls of sites: none opens to a denied address, and none keeps a cookie.

For `site_auth`, `site_updates` and the project's doctor; imports aiohttp. The look is at the
address that is about to be connected to, after all resolving: a name that leads elsewhere a second
later, or an odd way to write an address, gains nothing.
"""

import socket
from collections.abc import Callable
from typing import Any

import aiohttp

from sites.networks import DenyList

# (family, type, protocol, canonical name, socket address), as of getaddrinfo().
AddressInfo = tuple[Any, Any, Any, str, Any]


class AddressDenied(OSError):
    """The same text for every address, so that of several the first can stand for all."""

    def __init__(self) -> None:
        super().__init__("the address is denied")


def open_session(deny_list: DenyList, call_seconds: float, limit: int) -> aiohttp.ClientSession:
    """Return what makes calls, each in `call_seconds` as a whole, over at most `limit` connections
    at once, 0 = any number. Certificates are verified: aiohttp's default."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit, socket_factory=_guarded_sockets(deny_list)),
        timeout=aiohttp.ClientTimeout(total=call_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),  # one bearer's, or site's, is not another's
    )


def _guarded_sockets(deny_list: DenyList) -> Callable[[AddressInfo], socket.socket] | None:
    """Return aiohttp's `socket_factory`, None = its own. What that returns raises AddressDenied."""
    if not deny_list:
        return None

    def open_socket(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if deny_list.denies(str(address[0])):
            raise AddressDenied
        return socket.socket(family, kind, protocol)

    return open_socket
