"""What Redis says, taken in the callback in which it comes: no stream and no task in between.

redis-py makes a connection, greets its server and closes it; what is here stands between the
transport and redis-py's stream. Below `redis_pools`, `round_trip` and `subscription`; imports
redis-py and hiredis.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import hiredis
from redis import ConnectionError as RedisConnectionError
from redis import RedisError

try:  # a private name: without it each reply is read for itself
    from redis._parsers import hiredis as parsers

    NOT_ENOUGH_DATA = parsers.NOT_ENOUGH_DATA
except (ImportError, AttributeError):
    NOT_ENOUGH_DATA = None

Tell = Callable[[list[Any] | Exception], None]
"""Is given the replies in order, errors among them; or why there are none: RedisError, OSError."""


def arrived(connection: Any) -> Iterator[Any]:
    """What has come in full with what was read before, errors among it, without redis-py's
    layers around each reply: they take most of its time. Nothing, where it has other parts."""
    reader = _reader_of(connection)
    return iter(()) if reader is None else iter(reader.gets, NOT_ENOUGH_DATA)


def _reader_of(connection: Any) -> hiredis.Reader | None:
    """Return what parses a connection's replies; None where redis-py has other parts than are
    known here."""
    reader = getattr(getattr(connection, "_parser", None), "_reader", None)
    is_known = NOT_ENOUGH_DATA is not None and isinstance(reader, hiredis.Reader)
    return reader if is_known else None


class OverStream(asyncio.Protocol):
    """One connection's, for as long as it lasts."""

    def __init__(self, transport: Any, stream: Any, reader: hiredis.Reader) -> None:
        self.transport = transport
        self._stream = stream
        self._reader = reader

    @classmethod
    def of(cls, connection: Any) -> Self | None:
        """Return that of a connection that is open; None where it is not, or not of known parts."""
        transport: Any = getattr(getattr(connection, "_writer", None), "transport", None)
        protocol = transport and transport.get_protocol()
        if isinstance(protocol, cls):
            return protocol
        reader = _reader_of(connection)
        if protocol is None or reader is None:
            return None
        own = cls(transport, protocol, reader)
        transport.set_protocol(own)
        return own

    def eof_received(self) -> bool | None:
        stays_open: bool | None = self._stream.eof_received()
        self._fail(RedisConnectionError("Connection closed by server."))
        return stays_open

    def connection_lost(self, exc: Exception | None) -> None:
        self._stream.connection_lost(exc)
        self._fail(RedisConnectionError(f"Connection lost: {exc or 'closed'}"))

    def pause_writing(self) -> None:
        self._stream.pause_writing()

    def resume_writing(self) -> None:
        self._stream.resume_writing()

    def _parse(self, data: bytes) -> Iterator[Any]:
        """All that has come in full by now. Raises RedisError."""
        self._reader.feed(data)
        return iter(self._reader.gets, NOT_ENOUGH_DATA)

    def _fail(self, error: Exception) -> None:
        raise NotImplementedError


class Replies(OverStream):
    """The replies to what is asked here. What nobody has asked for goes on to redis-py's stream, so
    that redis-py can use the connection between two questions."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._tell: Tell | None = None
        self._replies: list[Any] = []
        self._count = 0
        self._due_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_at_rest(self) -> bool:
        """Whether it is open, and nothing has come that nobody asked for."""
        stream = self._stream._stream_reader
        is_open = not (self.transport.is_closing() or stream is None or stream.at_eof())
        return is_open and not (stream._buffer or self._reader.has_data())

    def ask(self, commands: Sequence[bytes], tell: Tell, seconds: float) -> None:
        """Send commands, at least one, once those before have their replies. `tell` is called once;
        without an answer in time the connection is closed."""
        loop = asyncio.get_running_loop()
        self._replies, self._count = [], len(commands)
        self._tell, self._due_at = tell, loop.time() + seconds
        if self._timer is None:
            self._timer = loop.call_at(self._due_at, self._look, loop)
        self.transport.write(b"".join(commands))

    def data_received(self, data: bytes) -> None:
        if self._tell is None:
            self._stream.data_received(data)
            return
        try:
            self._replies += self._parse(data)
        except RedisError as error:
            self._fail(error)
            return
        if len(self._replies) < self._count:
            return
        if len(self._replies) > self._count or self._reader.has_data():
            self._fail(RedisConnectionError("The server says more than it was asked."))
            return
        tell, self._tell = self._tell, None
        replies, self._replies = self._replies, []
        tell(replies)

    def give_up(self) -> None:
        """Close it without waiting for replies."""
        self._fail(RedisConnectionError("The connection is closed."))

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for all that is asked within its time, not one for each."""
        self._timer = None
        if self._tell is None:
            return
        if loop.time() < self._due_at:
            self._timer = loop.call_at(self._due_at, self._look, loop)
        else:
            self._fail(TimeoutError())

    def _fail(self, error: Exception) -> None:
        if self._tell is not None:
            tell, self._tell = self._tell, None
            self.transport.abort()
            tell(error)
