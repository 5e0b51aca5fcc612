"""What a client hears, in a form that tests compare."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """One Socket.IO event. `number` names the ack callback among those of its client."""

    name: str
    args: list[Any]
    wants_ack: bool
    number: int = field(default=-1, compare=False)


def stored(name: str, *args: Any) -> Event:
    """The event as a client of a user room hears it: its last argument is a function."""
    return Event(name, list(args), wants_ack=True)


def broadcast(name: str, *args: Any) -> Event:
    """The event as a client of a shared room hears it: no callback."""
    return Event(name, list(args), wants_ack=False)


def batch(*messages: list[Any]) -> Event:
    """What waited: each message is `[event, ...args]`, and there is one ack for all."""
    return stored("batch", list(messages))


def resync(reason: str) -> Event:
    return broadcast("resync", {"reason": reason})
