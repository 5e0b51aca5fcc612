"""One connection that is subscribed to channels, and what keeps it honest.

Between `shard` and `round_trip`; imports redis-py.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from redis import ConnectionError as RedisConnectionError
from redis.asyncio.client import PubSub

from delivery.round_trip import arrived

CONNECT_SECONDS = 2.0
# A server that is frozen, or cut off without a word, would be listened to for ever while
# another has become the master. After so much silence it is asked whether it is there.
SILENCE_SECONDS = 5.0
PONG_SECONDS = 2.0


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

    async def next_message(self, hear: Callable[[str, bytes], None]) -> dict[str, Any] | None:
        """Tell `hear` of the messages that have come in full, by their channels, and wait for what
        comes then; None = nothing that matters. Raises RedisError, OSError."""
        response = self._tell_messages(hear)
        message: dict[str, Any] | None
        if response is not None:
            message = await self.handle_message(response)  # type: ignore[no-untyped-call]
        else:
            message = await self.get_message(timeout=SILENCE_SECONDS)
        if message is None:
            await self.ping()
            message = await self.get_message(timeout=PONG_SECONDS)
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

    def _tell_messages(self, hear: Callable[[str, bytes], None]) -> list[Any] | None:
        """Return what has come behind them and is none."""
        for response in arrived(self.connection):
            if isinstance(response, list):
                if response[0] != b"message":
                    return response
                hear(response[1].decode(), response[2])
        return None

    async def _reconnect(self, conn: Any, *_: Any) -> None:
        """Where redis-py would connect anew, in whatever task noticed the break."""
        await conn.disconnect(nowait=True)
