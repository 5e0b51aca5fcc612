"""Runs of Lua scripts, and the commands that they are sent to Redis as.

A script costs Redis as much for beginning as for its work in a room, so that rooms share it
where they may. Below `pipelines`; imports nothing of redis-py.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from delivery.round_trip import pack
from delivery.scripts import IN_EACH_ROOM, SHAS


class Call(NamedTuple):
    """One run of a script."""

    script: str  # of SCRIPT_FILES
    keys: tuple[str, ...]  # the first is that of its room, as the others are
    args: tuple[bytes | str | int, ...]  # as many in each room, where rooms share a script
    # Those that come first, where rooms share a script: the same for all.
    shared: tuple[bytes | str | int, ...] = ()
    size: int = 0  # of its arguments in bytes, where they may be long

    @property
    def key(self) -> str:
        return self.keys[0]


class Command(NamedTuple):
    packed: bytes
    rooms: int  # that it stands for; 0 = it is a call that shares with no other


def commands_of(calls: Sequence[Call], rooms_at_once: int) -> list[Command]:
    """Make commands of calls, in their order. Raises UnicodeEncodeError."""
    return [
        command
        for (script, shared), some in groupby(calls, attrgetter("script", "shared"))
        for command in _commands(script, shared, list(some), rooms_at_once)
    ]


def replies_of(commands: Sequence[Command], replies: Sequence[Any]) -> list[Any]:
    """Return the reply to each call; what a shared command failed of is the reply to all."""
    each: list[Any] = []
    for command, reply in zip(commands, replies, strict=True):
        if not command.rooms:
            each.append(reply)
        elif isinstance(reply, Exception):
            each += [reply] * command.rooms
        else:
            each += reply
    return each


def _commands(
    script: str, shared: tuple[Any, ...], calls: Sequence[Call], rooms_at_once: int
) -> Iterator[Command]:
    head = ("EVALSHA", SHAS[script])
    if script not in IN_EACH_ROOM:
        for call in calls:
            yield Command(pack((*head, len(call.keys), *call.keys, *shared, *call.args)), 0)
        return
    for start in range(0, len(calls), rooms_at_once):
        some = calls[start : start + rooms_at_once]
        keys = [call.keys[0] for call in some]
        args = [arg for call in some for arg in call.args]
        yield Command(pack((*head, len(some), *keys, *shared, *args)), len(some))
