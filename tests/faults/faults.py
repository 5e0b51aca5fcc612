"""What breaks: each fault begins, lasts a while, and is over."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from tests.faults.ledger import Client
from tests.faults.processes import ServiceProgram
from tests.faults.website import Mood
from tests.faults.world import World

AT_ONCE = 3  # faults that overlap
LONGEST_STEP_BACK_SECONDS = 5.0


@dataclass
class Faults:
    """Injects faults into a world, chosen by its seeded chance."""

    world: World
    injected: Counter[str] = field(default_factory=Counter)
    _busy: set[int] = field(default_factory=set)  # ports of processes that something is done to
    _is_redis_busy: bool = False

    def __post_init__(self) -> None:
        self._kinds: list[tuple[int, str, Callable[[], Awaitable[bool]]]] = [
            (4, "process killed", lambda: self._restart(signal.SIGKILL)),
            (3, "process drained", lambda: self._restart(signal.SIGTERM)),
            (4, "process stopped for a while", self._stop_process),
            (2, "Redis killed", self._kill_redis),
            (3, "Redis stopped for a while", self._stop_redis),
            (4, "pub/sub connections cut", lambda: self._kill_connections("pubsub")),
            (3, "Redis connections cut", lambda: self._kill_connections("normal")),
            (1, "Redis flushed", self._flush_redis),
            (2, "authUrl slow", lambda: self._website("slow")),
            (2, "authUrl answers 500", lambda: self._website("failing")),
            (1, "authUrl answers nonsense", lambda: self._website("nonsense")),
            (2, "authUrl hangs up", lambda: self._website("hanging up")),
            (5, "clients cut without a word", self._cut_clients),
            (4, "clients that do not read", self._mute_clients),
            (3, "clients leave and come back", self._leave_clients),
            (2, "clock stepped back", self._step_clock),
        ]

    async def inject(self, seconds: float, per_minute: float) -> None:
        """Inject faults for so long, several at a time, and heal the last of them."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        running: set[asyncio.Task[None]] = set()
        while loop.time() < ends_at:
            if len(running) < AT_ONCE:
                running.add(asyncio.create_task(self._inject_one()))
            pause = self.world.chance.uniform(0.5, 1.5) * 60 / per_minute
            await asyncio.sleep(min(pause, max(0.0, ends_at - loop.time())))
            for task in {task for task in running if task.done()}:
                task.result()
                running.discard(task)
        await asyncio.gather(*running)

    async def _inject_one(self) -> None:
        weights, names, kinds = zip(*self._kinds, strict=True)
        [index] = self.world.chance.choices(range(len(kinds)), weights)
        if await kinds[index]():
            self.injected[names[index]] += 1

    async def _restart(self, sign: int) -> bool:
        process = self._claim_process()
        if process is None:
            return False
        try:
            exit_code = await process.end(sign)
            assert sign == signal.SIGKILL or exit_code == 0, f"drained with {exit_code}"
            await self._while(0, 2)
            await process.start()
        finally:
            self._busy.discard(process.port)
        return True

    async def _stop_process(self) -> bool:
        process = self._claim_process()
        if process is None:
            return False
        process.pause()
        await self._while(1, 5)
        process.resume()
        self._busy.discard(process.port)
        return True

    async def _kill_redis(self) -> bool:
        if self._is_redis_busy:
            return False
        self._is_redis_busy = True
        await self.world.redis.kill(self.world.some_key())
        await self._while(0, 3) if self._is_one_server else await self._while(3, 8)
        await self.world.redis.heal()
        self._is_redis_busy = False
        return True

    async def _stop_redis(self) -> bool:
        if self._is_redis_busy:
            return False
        self._is_redis_busy = True
        await self.world.redis.pause(self.world.some_key())
        await self._while(0.5, 4) if self._is_one_server else await self._while(3, 8)
        await self.world.redis.heal()
        self._is_redis_busy = False
        return True

    async def _kill_connections(self, kind: str) -> bool:
        if self._is_redis_busy or not self._is_one_server:
            return False
        return await self._redis_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    async def _flush_redis(self) -> bool:
        if self._is_redis_busy or not self._is_one_server:
            return False
        self.world.ledger.note_flush()
        return await self._redis_command("FLUSHALL")

    async def _redis_command(self, *words: str) -> bool:
        async with await self.world.redis_client() as redis:
            try:
                await redis.execute_command(*words)  # type: ignore[no-untyped-call]
            except (RedisError, OSError):
                return False
        return True

    async def _website(self, mood: Mood) -> bool:
        if self.world.website.mood != "well":
            return False
        self.world.website.mood = mood
        await self._while(1, 5)
        self.world.website.mood = "well"
        return True

    async def _cut_clients(self) -> bool:
        self._command_some("cut", 0.15)
        return True

    async def _mute_clients(self) -> bool:
        muted = self._command_some("mute", 0.1)
        await self._while(1, 6)
        for client in muted:
            self.world.command("unmute", client)
        return True

    async def _leave_clients(self) -> bool:
        left = self._command_some("leave", 0.1)
        await self._while(0, 4)
        for client in left:
            self.world.command("back", client)
        return True

    async def _step_clock(self) -> bool:
        if self.world.clock is None:
            return False
        self.world.step_clock(-self.world.chance.uniform(0.1, LONGEST_STEP_BACK_SECONDS))
        return True

    @property
    def _is_one_server(self) -> bool:
        """Several are given the time to elect a new master."""
        return self.world.redis_kind == "server"

    def _command_some(self, command: str, share: float) -> list[Client]:
        clients = list(self.world.ledger.clients.values())
        some = self.world.chance.sample(clients, max(1, int(share * len(clients))))
        for client in some:
            self.world.command(command, client)
        return some

    def _claim_process(self) -> ServiceProgram | None:
        """One that nothing is done to, if another stays."""
        free = [each for each in self.world.services if each.port not in self._busy]
        if len(free) < 2:
            return None
        process = self.world.chance.choice(free)
        self._busy.add(process.port)
        return process

    async def _while(self, shortest: float, longest: float) -> None:
        await asyncio.sleep(self.world.chance.uniform(shortest, longest))
