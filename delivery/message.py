"""The message: one call of `/send`, as it is stored, announced and written to sockets.

Its JSON text is made once, by payloads, which checks its parts; every later step passes it on as
it is. Below payloads and publish; imports nothing of the project.
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
        return cls(message_id, event, text_of(event, args), resync, tuple(rooms))

    def event_length(self) -> int:
        """Return how many bytes of the text are the event's, behind its first bracket."""
        return len(orjson.dumps(self.event))


def text_of(event: str, args: Iterable[object]) -> str:
    """
    >>> text_of("greet", ["Zoë", {"n": 1}])
    '["greet","Zoë",{"n":1}]'
    """
    return orjson.dumps([event, *args]).decode()
