"""Opens connections to sites: none to a denied address, and certificates are verified.

For `site_client`, behind `lookups`. The look is at the address that is about to be connected to,
after all resolving: a name that leads elsewhere a second later, or an odd way to write an
address, gains nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from aiohappyeyeballs import start_connection

from delivery.lookups import AddressInfo
from sites.networks import DenyList

OTHER_FAMILY_SECONDS = 0.25  # RFC 8305: IPv4 is tried beside IPv6 that takes so long

Protocol = TypeVar("Protocol", bound=asyncio.Protocol)


class AddressDenied(OSError):
    """The same text for every address, so that of several the first can stand for all."""

    def __init__(self) -> None:
        super().__init__("the address is denied")


class Place(NamedTuple):
    """Where connections lead that can stand for each other."""

    host: str
    port: int
    is_tls: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


async def open_connection(
    place: Place,
    found: Sequence[AddressInfo],
    deny_list: DenyList,
    make_protocol: Callable[[], Protocol],
) -> Protocol:
    """Connect to the first of the place's addresses that answers, as long as it takes. Raises
    OSError, of which AddressDenied and ssl.SSLError are some."""
    connected = await start_connection(
        found,
        happy_eyeballs_delay=OTHER_FAMILY_SECONDS,
        socket_factory=_guarded_sockets(deny_list),
    )
    tls: dict[str, Any] = {}
    if place.is_tls:  # no certificate has the dot that may end a name
        tls = {"ssl": _tls_context(), "server_hostname": place.host.rstrip(".")}
    # From here on the socket is the transport's, which may outlive a cancellation: closed beneath
    # it, its number would be another connection's, and that one be stopped with it.
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(make_protocol, sock=connected, **tls)
    return protocol


@cache
def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _guarded_sockets(deny_list: DenyList) -> Callable[[AddressInfo], socket.socket]:
    """Return what makes the socket for an address, and raises AddressDenied."""

    def open_socket(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if deny_list.denies(str(address[0])):
            raise AddressDenied
        return socket.socket(family, kind, protocol)

    return open_socket
