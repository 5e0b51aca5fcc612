"""A well-behaved client of another site, and the backend that sends to it: what they notice.

Messages go at a steady pace, whatever becomes of those before; each is timed from before
`/send` to its arrival, stored and acknowledged as messages of user rooms are.
"""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, TCPConnector

from tests.attacks.target import CALM, KEY

ROOM = "user_calm"
PAUSE_SECONDS = 0.02
SETTLE_SECONDS = 20.0
SENDERS = 16  # connections, kept alive
MESSAGE = re.compile(rf'42/{CALM},([0-9]+)\["m",([0-9]+)\]')
WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"


@dataclass
class Bystander:
    session: ClientSession
    websocket: ClientWebSocketResponse
    milliseconds: list[float] = field(default_factory=list)  # since `begin`
    failures: Counter[str] = field(default_factory=Counter)  # the same
    _sent_at: dict[int, float] = field(default_factory=dict)  # of those on their way
    _sent: int = 0

    @classmethod
    @asynccontextmanager
    async def start(cls, url: str) -> AsyncIterator["Bystander"]:
        timeout = ClientTimeout(total=SETTLE_SECONDS)
        async with (
            ClientSession(url, timeout=timeout, connector=TCPConnector(limit=SENDERS)) as session,
            session.ws_connect(WEBSOCKET) as websocket,
        ):
            await websocket.receive()
            await websocket.send_str(f"40/{CALM},{json.dumps({'token': ROOM})}")
            answer = await websocket.receive_str()
            assert answer.startswith(f"40/{CALM},"), answer
            bystander = cls(session, websocket)
            listening = asyncio.create_task(bystander._listen())
            sending = asyncio.create_task(bystander._keep_pace())
            try:
                yield bystander
            finally:
                for task in (sending, listening):
                    task.cancel()
                await asyncio.gather(sending, listening, return_exceptions=True)

    def begin(self) -> None:
        self.milliseconds = []
        self.failures = Counter()

    async def settle(self) -> int:
        """Wait until all that was sent so far is there; return how many messages are not."""
        last = self._sent

        def missing() -> list[int]:
            return [number for number in self._sent_at if number <= last]

        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while missing():  # noqa: ASYNC110, another process decides
                    await asyncio.sleep(PAUSE_SECONDS)
        lost = missing()
        for number in lost:
            del self._sent_at[number]
        return len(lost)

    async def _keep_pace(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            due_at = time.perf_counter()
            while True:
                tasks.create_task(self._send())
                due_at += PAUSE_SECONDS
                await asyncio.sleep(max(0.0, due_at - time.perf_counter()))

    async def _send(self) -> None:
        self._sent += 1
        number = self._sent
        self._sent_at[number] = time.perf_counter()
        message = {"rooms": ROOM, "event": "m", "args": [number]}
        query, headers = {"site": CALM}, {"X-Api-Key": KEY}
        try:
            async with self.session.post(
                "/send", params=query, headers=headers, json=message
            ) as answer:
                failure = "" if answer.status == 200 else f"/send: {answer.status}"
        except (ClientError, TimeoutError) as error:
            failure = f"/send: {type(error).__name__}"
        if failure:
            self.failures[failure] += 1
            self._sent_at.pop(number, None)

    async def _listen(self) -> None:
        async for message in self.websocket:
            if message.data == "2":
                await self.websocket.send_str("3")
            elif heard := MESSAGE.fullmatch(message.data):
                await self._hear(heard[1], int(heard[2]))
            else:
                self.failures[f"heard {message.data[:40]!r}"] += 1
        self.failures["its connection was closed"] += 1

    async def _hear(self, ack_id: str, number: int) -> None:
        sent_at = self._sent_at.pop(number, None)
        if sent_at is None:
            self.failures["heard twice"] += 1
        else:
            self.milliseconds.append((time.perf_counter() - sent_at) * 1000)
        await self.websocket.send_str(f"43/{CALM},{ack_id}[]")
