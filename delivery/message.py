"""The message: one call of `/send`, as it is stored, announced and written to sockets.

Its JSON text is made here, once; every later step passes it on as it is. Stands
between payloads, which has checked its parts, and publish; imports nothing of the project.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import orjson


class Message(NamedTuple):
    """
    >>> Message.build("7530791394961522691", "greet", ["Zoë", {"n": 1}], False, ["a", "b"])
    ... # doctest: +NORMALIZE_WHITESPACE
    Message(id='7530791394961522691', event='greet', text='["greet","Zoë",{"n":1}]',
            resync=False, rooms=('a', 'b'))
    """

    id: str  # a flake id in decimal
    event: str
    text: str  # JSON of [event, *args], without blanks
    resync: bool  # an ack out of order means that the client's copy is wrong
    rooms: tuple[str, ...]  # as addressed

    @classmethod
    def build(
        cls,
        message_id: str,
        event: str,
        args: Sequence[object],
        resync: bool,
        rooms: Iterable[str],
    ) -> Self:
        return cls(message_id, event, orjson.dumps([event, *args]).decode(), resync, tuple(rooms))

    def event_length(self) -> int:
        """Return how many bytes of the text are the event's, behind its first bracket."""
        return len(orjson.dumps(self.event))
