"""Sockets for calls of sites, which open to no denied address.

For `site_auth` and `site_updates`. The look is at the address that is about to be connected
to, after all resolving: a name that leads elsewhere a second later, or an odd way to write an
address, gains nothing.
"""

import socket
from collections.abc import Callable
from typing import Any

from sites.networks import DenyList

# (family, type, protocol, canonical name, socket address), as of getaddrinfo().
AddressInfo = tuple[Any, Any, Any, str, Any]


class AddressDenied(OSError):
    """The same text for every address, so that of several the first can stand for all."""

    def __init__(self) -> None:
        super().__init__("the address is denied")


def guarded_sockets(deny_list: DenyList) -> Callable[[AddressInfo], socket.socket] | None:
    """Return aiohttp's `socket_factory`, None = its own. What that returns raises AddressDenied."""
    if not deny_list:
        return None

    def open_socket(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if deny_list.denies(str(address[0])):
            raise AddressDenied
        return socket.socket(family, kind, protocol)

    return open_socket
