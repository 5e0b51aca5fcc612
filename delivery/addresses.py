"""Where a request comes from: the peer's address, or what a trusted proxy says of it.

`X-Forwarded-For` is read from right to left for as long as it was written by one of
`trusted_proxies`: what stands further left anybody may have made up. Imports nothing of
the project.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

FORWARDED_FOR = b"x-forwarded-for"
MAX_HOPS = 20  # of proxies in a row; more is nonsense
CLIENT_PREFIX = 64  # bits of IPv6: a single customer has at least all addresses behind these
UNKNOWN = "-"  # the peer of a Unix socket

Scope = dict[str, Any]
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Addresses:
    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = tuple(ip_network(each, strict=False) for each in trusted_proxies)

    def of(self, scope: Scope) -> str:
        """Return the address of the client, "-" = it has none."""
        return self._find(scope)[0]

    def to_limit(self, scope: Scope) -> str:
        """Return what is counted as one client; "" = not known, so nothing is counted.

        That is the case with the machine's own address: behind a proxy of this machine that
        nobody has named as trusted, it would be all the world's.
        """
        text, is_forwarded = self._find(scope)
        address = parse(text)
        if address is None or (address.is_loopback and not is_forwarded):
            return ""
        return str(first_of_client(address))

    def trusts(self, text: str) -> bool:
        """Whether this is the address of a trusted proxy."""
        address = parse(text)
        return address is not None and any(address in network for network in self._trusted)

    def _find(self, scope: Scope) -> tuple[str, bool]:
        peer = str((scope.get("client") or [UNKNOWN])[0])
        if not self._trusted or not self.trusts(peer):
            return peer, False
        found, is_forwarded = peer, False
        for text in _hops(scope.get("headers", ())):
            address = parse(text)
            if address is None:
                break  # a proxy that hides who it was, or something made up
            found, is_forwarded = str(address), True
            if not self.trusts(found):
                break
        return found, is_forwarded


def first_of_client(address: Address) -> Address:
    """Return one address for all that a single customer has.

    >>> first_of_client(IPv6Address("2001:db8::7:8:9:a")), first_of_client(IPv4Address("192.0.2.7"))
    (IPv6Address('2001:db8::'), IPv4Address('192.0.2.7'))
    """
    if isinstance(address, IPv4Address):
        return address
    return IPv6Network((address, CLIENT_PREFIX), strict=False).network_address


@lru_cache(maxsize=1024)
def parse(text: str) -> Address | None:
    """Read an address as it may stand in a header; None = it is none.

    >>> parse("203.0.113.7:4711"), parse("[2001:db8::1]:443"), parse("::ffff:203.0.113.7")
    (IPv4Address('203.0.113.7'), IPv6Address('2001:db8::1'), IPv4Address('203.0.113.7'))
    >>> parse("unknown") is None
    True
    """
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """The addresses that proxies have added, the last one first."""
    lines = [value.decode("latin-1") for name, value in headers if name == FORWARDED_FOR]
    return ",".join(lines).split(",")[: -MAX_HOPS - 1 : -1] if lines else []
