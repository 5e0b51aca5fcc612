"""What a run consists of: programs, a website, senders, clients; and what goes between them."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout
from redis.asyncio import Redis

from tests.e2e.node_client import LINE_LIMIT_BYTES, require_node
from tests.e2e.service import Installation
from tests.faults.ledger import Client, Habit, Ledger, User
from tests.faults.processes import ServiceProgram, clock_environment
from tests.faults.stores import Store, key_of, open_store
from tests.faults.website import SITE, Website

CLIENTS_JS = Path(__file__).with_name("clients.js")
KEY = "a-key-that-is-only-for-fault-tests"
SEND_TIMEOUT_SECONDS = 5.0  # then another process is asked
RETRY_SECONDS = 0.2
CONNECT_SECONDS = 60.0
SHARED_ROOM = "staff"
# Of ten clients so many behave like this; hoarders and strangers have users of their own.
HABITS = [Habit.PLAIN] * 5 + [Habit.TAB] * 2 + [Habit.SECOND_DEVICE] * 2 + [Habit.STRANGER]
HOARDERS = 2


@dataclass
class World:
    """One run. `rate` is how many messages are sent a second, to all users together."""

    folder: Path
    rate: float
    chance: random.Random
    redis: Store
    redis_kind: str
    services: list[ServiceProgram]
    website: Website
    clock: Path | None
    ledger: Ledger = field(default_factory=Ledger)
    answers: Counter[str] = field(default_factory=Counter)  # of /send, by status
    is_sending: bool = True
    clock_offset: float = 0.0
    _clients: asyncio.subprocess.Process | None = None
    _session: ClientSession | None = None

    @classmethod
    @asynccontextmanager
    async def create(
        cls,
        folder: Path,
        *,
        redis_kind: str,
        processes: int,
        clients: int,
        rate: float,
        seed: int,
    ) -> AsyncIterator["World"]:
        async with AsyncExitStack() as stack:
            website = await stack.enter_async_context(Website.start())
            environment, clock = clock_environment(folder)
            redis = await stack.enter_async_context(open_store(redis_kind, folder / "redis"))
            installation = Installation.create(
                folder / "service", website.entries(KEY), {"redis": _redis_config(redis)}
            )
            services = [ServiceProgram.create(installation, environment) for _ in range(processes)]
            for each in services:
                stack.push_async_callback(each.kill)
                await each.start()
            chance = random.Random(seed)  # noqa: S311
            world = cls(folder, rate, chance, redis, redis_kind, services, website, clock)
            stack.push_async_callback(world._close)
            await world._open(clients)
            yield world

    async def until_everybody_is_there(self) -> None:
        """What was sent before a device was known is not for it."""
        async with asyncio.timeout(CONNECT_SECONDS):
            while not all(each.is_connected for each in self.ledger.clients.values()):  # noqa: ASYNC110, every client tells
                await asyncio.sleep(0.1)

    async def send_all(self) -> None:
        """Send to every user until told to stop; return when all that was tried is accepted."""
        pause = len(self.ledger.users) * 4.5 / self.rate  # 1 to 8 messages at a time
        async with asyncio.TaskGroup() as tasks:
            for user in self.ledger.users.values():
                tasks.create_task(self._send_to(user, pause))
            tasks.create_task(self._broadcast())

    def command(self, command: str, client: Client) -> None:
        self._write({"command": command, "client": client.name})

    def step_clock(self, seconds: float) -> None:
        if self.clock is not None:
            self.clock_offset += seconds
            self.clock.write_text(f"{self.clock_offset:+.3f}s\n")

    def some_key(self) -> str:
        return key_of(self.chance.choice(list(self.ledger.users.values())).room)

    async def redis_client(self) -> Redis:
        return Redis.from_url(self.redis.url, socket_timeout=5.0)

    async def keys_without_ttl(self) -> list[str]:
        """Of a single server; who else keeps keys keeps them by the same scripts."""
        if self.redis_kind != "server":
            return []
        async with await self.redis_client() as redis:
            return [
                key.decode()
                async for key in redis.scan_iter(count=1000)
                if await redis.ttl(key) == -1
            ]

    async def _open(self, clients: int) -> None:
        require_node()
        self._session = ClientSession(timeout=ClientTimeout(total=SEND_TIMEOUT_SECONDS))
        self._clients = await asyncio.create_subprocess_exec(
            "node",
            str(CLIENTS_JS),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT_BYTES,
        )
        self._reader = asyncio.create_task(self._read())
        for number in range(HOARDERS):
            self._open_user(f"hoarder{number}", Habit.HOARDER)
        while len(self.ledger.clients) < clients:
            self._open_user(str(len(self.ledger.users)), self.chance.choice(HABITS))

    def _open_user(self, name: str, habit: Habit) -> None:
        user = self.ledger.users[name] = User(name)
        self.website.knows(name, [user.room, SHARED_ROOM])
        devices = {Habit.TAB: ["d", "d"], Habit.SECOND_DEVICE: ["d", "e"]}.get(habit, ["d"])
        for number, device in enumerate(devices):
            client = Client(f"{name}.{number}", user, device, habit)
            self.ledger.clients[client.name] = client
            self._write(
                {
                    "command": "open",
                    "client": client.name,
                    "token": name,
                    "device": device,
                    "acks": habit is not Habit.HOARDER,
                    "renames": habit is Habit.STRANGER,
                    "urls": [each.url for each in self.services],
                }
            )

    async def _send_to(self, user: User, pause: float) -> None:
        await asyncio.sleep(self.chance.uniform(0, pause))
        while self.is_sending:
            count = self.chance.randint(1, 8)
            if user.name.startswith("hoarder") and self.chance.random() < 0.05:
                count = 400  # so that its queue overflows in a long run
            numbers = range(user.attempted + 1, user.attempted + 1 + count)
            user.attempted += count
            await self._deliver(
                [{"rooms": user.room, "event": "m", "args": [number]} for number in numbers],
                key=f"{user.name}-{numbers[0]}",
            )
            user.accepted += count
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) * pause)

    async def _broadcast(self) -> None:
        number = 0
        while self.is_sending:
            number += 1
            message = {"rooms": [SHARED_ROOM], "event": "s", "args": [number]}
            await self._deliver([message], key=f"broadcast-{number}")
            await asyncio.sleep(1.0)

    async def _deliver(self, messages: list[dict[str, Any]], key: str) -> None:
        """Send until the answer is 200, as a careful backend does."""
        path = "/send" if len(messages) == 1 else "/send/batch"
        body = messages[0] if len(messages) == 1 else messages
        while not await self._post(path, body, key):  # noqa: ASYNC110, it is the asking
            await asyncio.sleep(RETRY_SECONDS)

    async def _post(self, path: str, body: object, key: str) -> bool:
        assert self._session is not None
        url = f"{self.chance.choice(self.services).url}{path}?site={SITE}"
        headers = {"X-Api-Key": KEY, "Idempotency-Key": key}
        try:
            async with self._session.post(url, json=body, headers=headers) as response:
                answer = await response.json()
                status = str(response.status)
        except (ClientError, OSError, TimeoutError) as error:
            status = type(error).__name__
            answer = None
        self.answers[status] += 1
        if status == "200":
            refused = [each for each in answer if not each["ok"]] if path != "/send" else []
            assert not refused, refused
        return status == "200"

    def _write(self, command: dict[str, Any]) -> None:
        assert self._clients is not None
        assert self._clients.stdin is not None
        self._clients.stdin.write(json.dumps(command).encode() + b"\n")

    async def _read(self) -> None:
        assert self._clients is not None
        assert self._clients.stdout is not None
        async for line in self._clients.stdout:
            kind, name, connection, *what = json.loads(line)
            self.ledger.note(kind, name, connection, what[0] if what else None)

    async def _close(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._clients is not None and self._clients.stdin is not None:
            self._clients.stdin.close()
            await self._clients.wait()
            await self._reader


def _redis_config(redis: Store) -> dict[str, object]:
    """With several servers, what is answered with 200 is on two of them."""
    return {"url": redis.url} | ({"wait_replicas": 1} if "+" in redis.url else {})
