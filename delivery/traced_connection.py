"""A socket that tells the log of each copy it is written, and of each ack: a class of its own,
so that other sockets need not even ask whether they should.

In place of `connections`' by `log: {deliveries: true}`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from delivery.connections import Connection
from delivery.queue_values import Device, Waiting
from delivery.traces import Step, trace_copy

Copies = tuple[Device, tuple[str, ...]]  # ids of the messages


@dataclass(eq=False, slots=True)
class TracedConnection(Connection):
    # By ack id, of what is to be acked: those of `_pending`, whose copies bear no message id.
    _copies: dict[int, Copies] = field(default_factory=dict)

    def send_stored(self, device: Device, epoch: str, message: Waiting) -> None:
        before = self._last_ack_id
        Connection.send_stored(self, device, epoch, message)
        self._note(before, device, [message], "written")

    def send_batch(self, device: Device, epoch: str, messages: Sequence[Waiting]) -> asyncio.Event:
        before = self._last_ack_id
        done = Connection.send_batch(self, device, epoch, messages)
        self._note(before, device, messages, "written in a batch")
        return done

    def acknowledge(self, ack_id: int) -> bool:
        is_taken = Connection.acknowledge(self, ack_id)
        if is_taken and ack_id in self._copies:
            self._end(ack_id, "acked")
        return is_taken

    def send_resync(self, device: Device, reason: str) -> None:
        Connection.send_resync(self, device, reason)
        for ack_id in [ack_id for ack_id, (owner, _) in self._copies.items() if owner == device]:
            self._end(ack_id, "given up by a resync")

    def close(self) -> None:
        Connection.close(self)
        for ack_id in list(self._copies):
            self._end(ack_id, "not acked")

    def _note(self, before: int, device: Device, messages: Sequence[Waiting], step: Step) -> None:
        if self._last_ack_id == before:
            return  # a second copy, which joins the ack of the first
        ids = tuple(message.id for message in messages)
        self._copies[self._last_ack_id] = (device, ids)
        for message_id in ids:
            trace_copy(step, device, message_id)
        if len(self._copies) > len(self._pending):  # too many wait: the oldest was let go
            self._end(next(iter(self._copies)), "not acked")

    def _end(self, ack_id: int, step: Step) -> None:
        device, ids = self._copies.pop(ack_id)
        for message_id in ids:
            trace_copy(step, device, message_id)
