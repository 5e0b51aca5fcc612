"""A site's backend that sends at a steady pace, whatever the answers take, and times them."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from tests.faults.crowded_sites import KEY

PAUSE_SECONDS = 0.05
SEND_SECONDS = 30.0
RETRY_SECONDS = 0.2


@dataclass
class Sender:
    """Numbers its messages from 1."""

    url: str
    site: str
    rooms: list[str]
    tls: ssl.SSLContext | bool = True  # of an https:// url; True = whom the system trusts
    milliseconds: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    _session: ClientSession | None = None

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send as long as the block runs, and wait for the last answers."""
        async with self.opened(), asyncio.TaskGroup() as tasks:
            pacing = tasks.create_task(self._keep_pace(tasks))
            try:
                yield
            finally:
                pacing.cancel()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        timeout = ClientTimeout(total=SEND_SECONDS)
        connector = TCPConnector(limit=0, ssl=self.tls)
        async with ClientSession(timeout=timeout, connector=connector) as session:
            self._session = session
            yield

    async def send(self, *args: Any) -> None:
        await self._post("/send", self._message(*args))

    async def deliver(self, *args: Any) -> None:
        """Send again until it is accepted, as a careful backend does."""
        await self._deliver("/send", self._message(*args))

    async def deliver_batch(self, count: int) -> None:
        await self._deliver("/send/batch", [self._message() for _ in range(count)])

    async def _deliver(self, path: str, body: object) -> None:
        key = f"{self.rooms[0]}-{self.sent}"
        while await self._post(path, body, key) != "200":  # noqa: ASYNC110, it is the asking
            await asyncio.sleep(RETRY_SECONDS)

    def _message(self, *args: Any) -> dict[str, Any]:
        self.sent += 1
        return {"rooms": self.rooms, "event": "m", "args": [self.sent, *args]}

    async def _post(self, path: str, body: object, key: str = "") -> str:
        assert self._session is not None
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        url, headers = (
            f"{self.url}{path}?site={self.site}",
            {"X-Api-Key": KEY, "Idempotency-Key": key},
        )
        try:
            async with self._session.post(url, json=body, headers=headers) as response:
                await response.read()
                answer = str(response.status)
        except (ClientError, OSError) as error:  # a TimeoutError is an OSError
            answer = type(error).__name__
        self.answers[answer] += 1
        self.milliseconds.append((loop.time() - started_at) * 1000)
        return answer

    async def _keep_pace(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            tasks.create_task(self.send())
            await asyncio.sleep(PAUSE_SECONDS)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
