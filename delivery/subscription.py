"""One connection that is subscribed to channels, and what keeps it honest.

Between `shard` and `replies`; imports redis-py.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from redis import ConnectionError as RedisConnectionError
from redis import RedisError
from redis.asyncio.client import PubSub

from delivery.replies import OverStream

CONNECT_SECONDS = 2.0
# A server that is frozen, or cut off without a word, would be listened to for ever while
# another has become the master. After so much silence it is asked whether it is there.
SILENCE_SECONDS = 5.0
PONG_SECONDS = 2.0

Hear = Callable[[str, bytes], None]
"""Is given a channel and a message."""
Confirm = Callable[[str], None]
"""Is given a channel that is subscribed now."""


class Heard(OverStream):
    """Messages, and what confirms a channel, are told as they come; what else comes is kept for
    `next_other`."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._hear: Hear | None = None
        self._confirm: Confirm
        self._others: deque[Any] = deque()
        self._error: Exception | None = None
        self._came = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._heard_at = 0.0  # by the event loop's clock

    def listen(self, hear: Hear, confirm: Confirm, stream: asyncio.StreamReader) -> None:
        """Begin with what redis-py's stream has kept."""
        if self._hear is not None:
            return
        self._hear, self._confirm = hear, confirm
        kept: bytearray = stream._buffer  # type: ignore[attr-defined]
        self.data_received(bytes(kept))
        kept.clear()
        if stream.at_eof():
            self.eof_received()
        elif not self.transport.is_reading():
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        hear = self._hear
        if hear is None:
            self._stream.data_received(data)
            return
        self._heard_at = self._loop.time()
        try:
            for response in self._parse(data):
                kind = response[0] if isinstance(response, list) else b""
                if kind == b"message":
                    hear(response[1].decode(), response[2])
                elif kind == b"subscribe":
                    self._confirm(response[1].decode())
                else:
                    self._others.append(response)
                    self._came.set()
        except RedisError as error:
            self._fail(error)

    async def next_other(self, seconds: float) -> Any:
        """Wait for what is no message; None = for so long nothing at all has come.

        Raises RedisError.
        """
        begun_at = self._loop.time()
        while not self._others:
            if self._error is not None:
                raise self._error
            self._came.clear()
            silent_since = max(begun_at, self._heard_at)
            try:
                async with asyncio.timeout_at(silent_since + seconds):
                    await self._came.wait()
            except TimeoutError:
                if self._heard_at <= silent_since:
                    return None
        response = self._others.popleft()
        if isinstance(response, Exception):
            raise response
        return response

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._came.set()


class Subscription(PubSub):
    """A PubSub that connects anew only when told to: two tasks that both do it trip over each
    other, and one that is cancelled meanwhile leaves a connection that is not subscribed."""

    async def connect(self) -> None:
        """What each command begins with. Raises RedisError, TimeoutError."""
        if self.connection is None:
            async with asyncio.timeout(CONNECT_SECONDS):
                await super().connect()  # type: ignore[no-untyped-call]
        elif not self.connection.is_connected:
            raise RedisConnectionError("The subscription is lost")

    async def execute_command(self, *args: Any) -> None:
        """Send a command, without redis-py's layers around it: they would try again, which is
        for `reconnect`, and measure it for nobody. Raises RedisError, TimeoutError."""
        await self.connect()
        connection: Any = self.connection
        await connection.send_command(*args, check_health=not self.subscribed)

    async def next_message(self, hear: Hear, confirm: Confirm) -> dict[str, Any] | None:
        """Wait for what comes, and tell `hear` of the messages, `confirm` of new channels; return
        what is neither; None = nothing that matters. Raises RedisError, OSError."""
        message = await self._next_other(hear, confirm, SILENCE_SECONDS)
        if message is None:
            await self.ping()
            message = await self._next_other(hear, confirm, PONG_SECONDS)
            if message is None:
                raise RedisConnectionError("The server has fallen silent")
        return None if message["type"] == "pong" else message

    async def reconnect(self, channels: Iterable[str]) -> None:
        """Connect, and subscribe to these. Raises RedisError, OSError."""
        self.channels = dict.fromkeys(channel.encode() for channel in channels)
        connection: Any = self.connection
        await connection.disconnect(nowait=True)
        try:
            await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise

    async def _next_other(
        self, hear: Hear, confirm: Confirm, seconds: float
    ) -> dict[str, Any] | None:
        """None = for so long nothing at all has come. Where redis-py has other parts than are
        known, all are among the others."""
        message: dict[str, Any] | None
        connection: Any = self.connection
        if not connection.is_connected:
            raise RedisConnectionError("The subscription is lost")
        heard = Heard.of(connection)
        if heard is None:
            message = await self.get_message(timeout=seconds)
            return message
        heard.listen(hear, confirm, connection._reader)
        response = await heard.next_other(seconds)
        message = await self.handle_message(response)  # type: ignore[no-untyped-call]
        return message

    async def _reconnect(self, conn: Any, *_: Any) -> None:
        """Where redis-py would connect anew, in whatever task noticed the break."""
        await conn.disconnect(nowait=True)
