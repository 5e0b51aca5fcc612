"""Where sessions begin: not too many from one address, not too many in a second.

Asked by `transport_server` before python-engineio is. What is refused is told to come again: a
stock client does so by itself.
"""

from delivery.addresses import Addresses, Scope
from delivery.connection_limits import ConnectionLimits, Crowd, Pace
from delivery.counters import ALL_SITES, Counters, Refusal
from delivery.exceptions import LimitReached

RETRY_SECONDS = 5.0  # for an address with too many connections: some of them may end


class Entrance:
    def __init__(self, limits: ConnectionLimits, addresses: Addresses, counters: Counters) -> None:
        self._addresses = addresses
        self._counters = counters
        self._per_second = limits.handshakes_per_second
        self._counts_addresses = bool(limits.connections_per_address)
        self._pace = Pace()
        self._crowd = Crowd(limits.connections_per_address)

    def __len__(self) -> int:
        return len(self._crowd)

    def seconds_closed(self, scope: Scope) -> float:
        """How long whoever wants to begin a session has to stay away; 0 = they may."""
        if self._counts_addresses and self._crowd.is_full(self._addresses.to_limit(scope)):
            return self._refuse("too_many", RETRY_SECONDS)
        if not self._per_second:
            return 0.0
        seconds = self._pace.wait_seconds(self._per_second)
        if seconds:
            return self._refuse("too_fast", seconds)
        self._pace.come(self._per_second)
        return 0.0

    def come(self, eio_sid: str, scope: Scope) -> bool:
        """A session begins; False = it may not, as others have come in the same moment."""
        if self._counts_addresses:
            address = self._addresses.to_limit(scope)
            if self._crowd.is_full(address):
                return False
            self._crowd.come(eio_sid, address)
        return True

    def go(self, eio_sid: str) -> None:
        self._crowd.go(eio_sid)

    def _refuse(self, reason: Refusal, seconds: float) -> float:
        self._counters.of(ALL_SITES).refused[reason] += 1
        return seconds


def refusal(seconds: float) -> LimitReached:
    """What is told to who has to stay away for so long."""
    message = "Too many connections, try again."
    return LimitReached("too_many_connections", message, seconds, status=503)
