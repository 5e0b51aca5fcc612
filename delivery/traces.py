"""Lines of the log for each step of each message, by `log: {deliveries: true}`.

`publish`, `switchboard` and `traced_connection` ask for them, each behind a bool of its
own: without the option a message pays for nothing here. `grep ID` over the logs of all
processes is the message's life.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Literal

from delivery.queue_values import Appended, Device

# What becomes of a copy for one device, on one socket.
Step = Literal[
    "written",
    "written in a batch",
    "acked",
    "given up by a resync",  # the client was told to reload
    "not acked",  # when the socket went; what is stored waits for the next one
]

logger = logging.getLogger(__name__)


def trace_stored(site: str, appended: Iterable[Appended]) -> None:
    for each in appended:
        fields = {
            "site": site,
            "room": each.room,
            "message": each.message_id,
            "epoch": each.epoch,
            "seq": each.seq,
        }
        logger.info("%(site)s/%(room)s: message %(message)s stored as seq %(seq)d", fields)


def trace_heard(site: str, message_id: str, rooms: Sequence[str], sockets: int) -> None:
    """This process has heard of it. Of a stored one each socket says itself what it gets; a
    broadcast is written to all of them at once."""
    fields = {"site": site, "rooms": list(rooms), "message": message_id, "sockets": sockets}
    logger.info("%(site)s: message %(message)s heard of, for %(sockets)d sockets here", fields)


def trace_copy(step: Step, device: Device, message_id: str) -> None:
    fields = device.fields | {"message": message_id, "step": step}
    logger.info("%(site)s/%(room)s '%(device)s': message %(message)s %(step)s", fields)
