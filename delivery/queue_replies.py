"""What the scripts of `queues` reply, as its callers know it."""

from typing import Any

from delivery import names
from delivery.queue_values import Acknowledged, Appended, Backlog, Known, Position, State, Waiting


def to_appended(room: str, reply: list[Any]) -> Appended:
    epoch, seq, message_id, previous_id, is_only_here, *overflowed = reply
    ids = message_id.decode(), previous_id.decode()
    devices = tuple(map(_to_device_id, overflowed)) if overflowed else ()
    return Appended(room, epoch.decode(), seq, *ids, devices, bool(is_only_here))


def to_acknowledged(reply: int | list[int]) -> Acknowledged:
    return Acknowledged(reply) if isinstance(reply, int) else Acknowledged(*reply)


def to_known(reply: list[Any]) -> Known:
    epoch, seq, last_id, is_waiting = reply
    return Known(Position(epoch.decode(), seq, last_id.decode()), bool(is_waiting))


def to_backlog(reply: list[Any]) -> Backlog:
    epoch, seq, last_id, reason, is_known, has_more, *members = reply
    return Backlog(
        epoch.decode(),
        seq,
        last_id.decode(),
        tuple(map(_to_waiting, members)),
        reason.decode(),
        bool(is_known),
        bool(has_more),
    )


def to_state(reply: list[Any]) -> State:
    epoch, seq, is_known, waiting = reply
    return State(epoch.decode(), seq, bool(is_known), waiting)


def _to_device_id(reply: bytes) -> str:
    return reply.decode(errors=names.ERRORS)


def _to_waiting(member: bytes) -> Waiting:
    """Parse `seq|id|previous|stored_ms|resync|event_length|text`."""
    seq, message_id, previous, _, resync, _, text = member.split(b"|", 6)
    return Waiting(int(seq), message_id.decode(), resync == b"1", text.decode(), previous.decode())
