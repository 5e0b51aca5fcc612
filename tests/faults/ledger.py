"""What was accepted, what arrived, and whether each client got what it was promised.

A user's messages are numbered 1, 2, 3... by their only sender, so that the order of the
numbers is the order in which they were stored.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import Enum


class Habit(Enum):
    """How a client behaves. All but the last keep their device."""

    PLAIN = "acks at once"
    TAB = "two tabs of one device"
    SECOND_DEVICE = "a device beside another"
    HOARDER = "never acks"
    STRANGER = "a new deviceId each time"


@dataclass
class User:
    """`accepted` and `attempted` are the highest number that was answered with 200, or tried."""

    name: str
    accepted: int = 0
    attempted: int = 0

    @property
    def room(self) -> str:
        return f"user_{self.name}"


@dataclass
class Client:
    """One socket, over all its connections."""

    name: str
    user: User
    device: str
    habit: Habit
    connection: int = 0
    is_connected: bool = False
    heard: set[int] = field(default_factory=set)
    last: int = 0  # of the connection
    last_first: int = 0  # the highest number heard so far
    covered: int = 0  # by a resync: the client reloads everything up to here
    resyncs: Counter[str] = field(default_factory=Counter)
    is_forgotten: bool = False  # Redis was flushed and this client has not been told yet
    last_broadcast: int = 0
    forgotten_broadcasts: int = 0  # up to here they may come twice


@dataclass
class Ledger:
    """All users and clients of one run, and what has gone wrong."""

    users: dict[str, User] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    flushes: int = 0
    broadcasts: int = 0
    problems: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def note(self, kind: str, name: str, connection: int, what: object) -> None:
        """Take one report of `clients.js`."""
        client = self.clients[name]
        match kind, what:
            case "c", str(device):
                self._connected(client, connection, device)
            case "d", _:
                client.is_connected = False
            case "m", list(numbers):
                for number in numbers:
                    self._heard(client, number)
            case "s", int(number):
                self._heard_broadcast(client, number)
            case "r", str(reason):
                self._resynced(client, reason)

    def note_flush(self) -> None:
        """Redis has lost everything; who is not connected is known to nobody any more."""
        self.flushes += 1
        for client in self.clients.values():
            client.is_forgotten = True
            client.forgotten_broadcasts = client.last_broadcast + 1

    def missing(self) -> list[str]:
        """Name every accepted message that a device should have heard and has not."""
        devices: defaultdict[tuple[str, str], list[Client]] = defaultdict(list)
        for client in self.clients.values():
            # A hoarder gets no second batch, as it does not acknowledge the first.
            if client.habit not in (Habit.STRANGER, Habit.HOARDER):
                devices[client.user.name, client.device].append(client)
        return [
            f"{user}/{device or '-'}: {number}"
            for (user, device), tabs in devices.items()
            for number in self._missing_of(tabs)
        ]

    def unexplained_resyncs(self) -> list[str]:
        """A flush explains one resync of each kind a client, and a hoarder's queue may overflow."""
        return [
            f"{client.name}: {count} x {reason}"
            for client in self.clients.values()
            for reason, count in client.resyncs.items()
            if count > self._explained(client, reason)
        ]

    def _missing_of(self, tabs: list[Client]) -> list[int]:
        heard = set().union(*(tab.heard for tab in tabs))
        # Each tab reloads for itself, but what one has heard, the device has.
        covered = max(tab.covered for tab in tabs)
        accepted = tabs[0].user.accepted
        return [number for number in range(covered + 1, accepted + 1) if number not in heard]

    def _explained(self, client: Client, reason: str) -> int:
        if reason == "overflow" and client.habit is Habit.HOARDER:
            return client.user.attempted
        # One that hears of the new state first goes on before it is known again, and may
        # miss what was sent meanwhile.
        return self.flushes if reason in ("state_lost", "overflow") else 0

    def _connected(self, client: Client, connection: int, device: str) -> None:
        client.connection, client.is_connected = connection, True
        client.last = client.last_broadcast = 0
        client.device = device
        if client.is_forgotten:
            # Nobody could know that it was there before: it starts anew.
            client.is_forgotten = False
            client.covered = client.user.attempted

    def _heard(self, client: Client, number: int) -> None:
        if number <= client.last:
            kind = "duplicated" if number in client.heard else "out of order"
            self.problems[kind].append(f"{client.name}: {number} after {client.last}")
        if number not in client.heard and number < client.last_first:
            self.problems["out of order"].append(f"{client.name}: {number} is late")
        client.last = number
        client.last_first = max(client.last_first, number)
        client.heard.add(number)

    def _heard_broadcast(self, client: Client, number: int) -> None:
        self.broadcasts += 1
        # A flush forgets Idempotency-Keys: what was under way then may come twice.
        if client.forgotten_broadcasts < number <= client.last_broadcast:
            self.problems["duplicated"].append(f"{client.name}: broadcast {number}")
        client.last_broadcast = number

    def _resynced(self, client: Client, reason: str) -> None:
        client.resyncs[reason] += 1
        client.covered = client.user.attempted
        client.is_forgotten = False
        client.last = 0
