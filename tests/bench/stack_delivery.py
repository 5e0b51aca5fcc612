"""What is behind the views of `stack`: Redis lists, the channel layer, python-socketio.

A message is stored in the list of each of its user rooms, then announced to all processes; each
emits it to its own sockets, and an ack takes it off the list. Imports no view.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import socketio
from channels.layers import get_channel_layer
from redis.asyncio import BlockingConnectionPool, Redis
from socketio.exceptions import ConnectionRefusedError  # noqa: A004, python-socketio's name

from tests.bench.servers import SITE

NAMESPACE = f"/{SITE}"
GROUP = "messages"  # all processes
USER_ROOM_PREFIX = "user_"
EXPIRE_SECONDS = 3600
AUTH_TIMEOUT = aiohttp.ClientTimeout(total=10.0)

ids = itertools.count(time.time_ns() // 1000)


class Json:
    """orjson as python-socketio expects a JSON module to be."""

    loads = staticmethod(orjson.loads)

    @staticmethod
    def dumps(value: object, **_: Any) -> str:
        return orjson.dumps(value).decode()


@dataclass(frozen=True)
class Message:
    """`item` is b"id:[event, *args]"; the id makes it the only one of its text in a list."""

    id: str
    own: list[str]  # user rooms, which store it
    shared: list[str]
    item: bytes

    def receipt(self) -> dict[str, Any]:
        return {"ok": True, "id": self.id, "queued": len(self.own), "broadcast": len(self.shared)}


def read_message(content: Any) -> Message | None:
    """Return the message of a decoded body, None = it is not one."""
    if not isinstance(content, dict):
        return None
    rooms, event, args = content.get("rooms"), content.get("event"), content.get("args", [])
    rooms = [rooms] if isinstance(rooms, str) else rooms
    if not (isinstance(rooms, list) and rooms and all(isinstance(r, str) and r for r in rooms)):
        return None
    if not (isinstance(event, str) and event):
        return None
    own = [room for room in rooms if is_user_room(room)]
    shared = [room for room in rooms if not is_user_room(room)]
    id_ = str(next(ids))
    packet = [event, *(args if isinstance(args, list) else [args])]
    return Message(id_, own, shared, id_.encode() + b":" + orjson.dumps(packet))


class Delivery:
    """Of one process; needs Django's settings, and to be `prepared` for all it does."""

    def __init__(self, redis_url: str, auth_url: str) -> None:
        self.sio = socketio.AsyncServer(async_mode="asgi", json=Json, http_compression=False)
        self.sio.on("connect", self._connect, namespace=NAMESPACE)
        self._redis = Redis.from_pool(BlockingConnectionPool.from_url(redis_url))
        self._layer = get_channel_layer()
        self._auth_url = auth_url
        self._acked: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._replays: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession
        self._channel: str

    @asynccontextmanager
    async def prepared(self) -> AsyncIterator[None]:
        """Hold what belongs to the loop that runs now."""
        async with self._redis, aiohttp.ClientSession(timeout=AUTH_TIMEOUT) as self._session:
            self._channel = await self._layer.new_channel()
            await self._layer.group_add(GROUP, self._channel)
            yield

    # --- connecting

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        token = auth.get("token") if isinstance(auth, dict) else None
        if not token:
            raise ConnectionRefusedError("Authentication failed")
        rooms = await self._rooms_of(token)
        for room in rooms:
            await self.sio.enter_room(sid, room, namespace=NAMESPACE)
        own = [room for room in rooms if is_user_room(room)]
        if own:  # not here, as a client hears nothing before its connect is answered
            replay = self.sio.start_background_task(self._replay, sid, own)
            self._replays.add(replay)
            replay.add_done_callback(self._replays.discard)

    async def _rooms_of(self, token: str) -> list[str]:
        """Raises ConnectionRefusedError when the website does not know the token."""
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with self._session.get(self._auth_url, headers=headers) as response:
                response.raise_for_status()
                rooms: list[str] = await response.json(loads=orjson.loads)
                return rooms
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ConnectionRefusedError("Authentication failed") from error

    async def _replay(self, sid: str, rooms: list[str]) -> None:
        for room in rooms:
            items: list[Any] = await self._redis.lrange(queue_of(room), 0, -1)
            if items:
                events = [packet_of(item) for item in items]
                acked = self._on_ack(room, items)
                await self.sio.emit("batch", (events,), sid, namespace=NAMESPACE, callback=acked)

    # --- sending

    async def send(self, messages: list[Message]) -> None:
        """Store and announce; all of a call in one pipeline and one announcement."""
        stored = [(queue_of(room), message.item) for message in messages for room in message.own]
        if stored:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for queue, item in stored:
                    pipeline.rpush(queue, item)
                    pipeline.expire(queue, EXPIRE_SECONDS)
                await pipeline.execute()
        announced = [(message.own, message.shared, message.item) for message in messages]
        await self._layer.group_send(GROUP, {"type": "messages", "messages": announced})

    async def hear(self) -> None:
        """Emit what any process announces to the sockets of this one."""
        while True:
            announcement = await self._layer.receive(self._channel)
            for own, shared, item in announcement["messages"]:
                await self._emit(own, shared, item)

    async def _emit(self, own: list[str], shared: list[str], item: bytes) -> None:
        event, *args = packet_of(item)
        data = tuple(args)
        if shared:
            await self.sio.emit(event, data, room=shared, namespace=NAMESPACE)
        for room in own:
            acked = self._on_ack(room, [item])
            await self.sio.emit(event, data, room=room, namespace=NAMESPACE, callback=acked)

    # --- acks

    def _on_ack(self, room: str, items: list[bytes]) -> Callable[..., None]:
        def put_aside(*_: object) -> None:
            for item in items:
                self._acked.put_nowait((queue_of(room), item))

        return put_aside

    async def forget_acked(self) -> None:
        """Remove from the lists what came meanwhile, in one pipeline.

        The acked message is nearly always the first of its list, where LREM finds it at once.
        """
        while True:
            acked = [await self._acked.get()]
            while not self._acked.empty():
                acked.append(self._acked.get_nowait())
            async with self._redis.pipeline(transaction=False) as pipeline:
                for queue, item in acked:
                    pipeline.lrem(queue, 1, item)  # type: ignore[arg-type]  # bytes do as well
                await pipeline.execute()


def is_user_room(room: str) -> bool:
    return room.startswith(USER_ROOM_PREFIX)


def queue_of(room: str) -> str:
    """
    >>> queue_of("user_7")
    'queue:user_7'
    """
    return f"queue:{room}"


def packet_of(item: bytes) -> list[Any]:
    """
    >>> packet_of(b'17:["event","first"]')
    ['event', 'first']
    """
    packet: list[Any] = orjson.loads(item[item.index(b":") + 1 :])
    return packet
