"""Addresses that no site's URL may lead to, where strangers can add sites.

`auth_url_deny` of config.yml, read. Imports nothing of the project: the configuration, the
validators and `delivery.outgoing` use it, the last at each connection that is opened.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

PRIVATE = "private"
ACCEPTED = f"a list of {PRIVATE} and of networks such as 203.0.113.0/24 or 2001:db8::/32"
MAPPED = IPv6Network("::ffff:0:0/96")
# IPv6 addresses that a gateway turns into the IPv4 address in their last four bytes: on the
# open internet, and within one network only.
TRANSLATED = IPv6Network("64:ff9b::/96")
LOCALLY_TRANSLATED = IPv6Network("64:ff9b:1::/48")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class DenyList:
    """Which addresses are denied; the empty one denies none."""

    is_private_denied: bool = False
    networks: tuple[Network, ...] = ()

    def __bool__(self) -> bool:
        return self.is_private_denied or bool(self.networks)

    def denies(self, text: str) -> bool:
        """Tell of an address as a socket has it, with the IPv4 address that it may carry.

        >>> private = read_deny_list(["private"])
        >>> [private.denies(text) for text in ("127.0.0.1", "::ffff:10.0.0.1", "8.8.8.8")]
        [True, True, False]
        """
        address = ip_address(text.partition("%")[0])
        return any(self._denies_as(each) for each in (address, *_carried(address)))

    def _denies_as(self, address: Address) -> bool:
        if self.is_private_denied and _is_private(address):
            return True
        return any(address in network for network in self.networks)


def read_deny_list(texts: Sequence[str]) -> DenyList:
    """Raises ValueError for what is neither `private` nor a network."""
    return DenyList(PRIVATE in texts, tuple(_network(text) for text in texts if text != PRIVATE))


def numeric_address(host: str) -> str:
    """Return the address that a host is in any of its numeric forms, "" for a name.

    >>> [numeric_address(host) for host in ("2130706433", "0x7f.1", "::1", "newsite.com")]
    ['127.0.0.1', '127.0.0.1', '::1', '']
    """
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return ""
    return str(found[0][4][0])


def resolved_addresses(host: str) -> list[str]:
    """Ask the system for all addresses of a host, [] when it knows none just now. Blocks."""
    try:
        return [str(each[4][0]) for each in socket.getaddrinfo(host, None)]
    except (OSError, UnicodeError):
        return []


def _network(text: str) -> Network:
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        mapped = IPv4Address(network.network_address.packed[-4:])
        return IPv4Network((mapped, network.prefixlen - MAPPED.prefixlen))
    return network


def _is_private(address: Address) -> bool:
    """Whatever is not somebody's address on the open internet."""
    if address in MAPPED or address in TRANSLATED:
        return False  # the IPv4 address that it carries tells
    if address in LOCALLY_TRANSLATED:  # global for some versions of Python
        return True
    return not address.is_global or address.is_multicast or address.is_reserved


def _carried(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that packets to an IPv6 address may end at."""
    if isinstance(address, IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in TRANSLATED or address in LOCALLY_TRANSLATED:
        found.append(IPv4Address(address.packed[-4:]))
    return [each for each in found if each is not None]
