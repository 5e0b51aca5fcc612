"""A website of the service's customer, as far as the service sees it: what `authUrl` answers.

One server stands for any number of sites, each under a path of its own. Answers are
written down beforehand by token; a token that nobody has written down gets 401.
"""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

from tests.e2e.leaks import keep_secret
from tests.e2e.waiting import WAIT_SECONDS, until_taken

HANG = "hang"  # an answer that never comes


@dataclass(frozen=True)
class Answer:
    status: int = 200
    text: str = ""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass(frozen=True)
class User:
    """Somebody whom the sites know by `token`. `room` is theirs alone."""

    token: str
    room: str


@dataclass(frozen=True)
class Call:
    path: str
    token: str
    headers: dict[str, str]
    method: str
    body: str = ""


@dataclass
class FakeSite:
    """Start it with `start`; `url` is known from then on and survives `close` and `listen`."""

    port: int = 0
    host: str = "127.0.0.1"  # to listen on
    calls: list[Call] = field(default_factory=list)
    _answers: dict[str, list[Answer | str]] = field(default_factory=dict)
    _called: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _runner: web.ServerRunner | None = None
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def start(cls) -> Self:
        site = cls()
        await site.listen()
        return site

    async def listen(self) -> None:
        """Open the port; again after `close`, the same one."""
        self._closing = asyncio.Event()
        self._runner = web.ServerRunner(
            web.Server(self._answer), access_log=None, shutdown_timeout=0
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """From now on connections are refused."""
        self._closing.set()
        if self._runner is not None:
            await until_taken()
            await self._runner.cleanup()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def new_user(self, *shared_rooms: str, prefix: str = "user_") -> User:
        """Make up somebody nobody has seen before, in a room of their own and `shared_rooms`."""
        number = next(self._numbers)
        user = User(token=f"token-{number}", room=f"{prefix}{number}")
        self.knows(user.token, [user.room, *shared_rooms])
        return user

    def knows(self, token: str, rooms: Sequence[str]) -> str:
        """From now on answer `token` with `rooms`."""
        return self.answers(token, Answer(text=json_list(rooms)))

    def answers(self, token: str, *answers: Answer | str) -> str:
        """Answer `token` with these in turn, and with the last one ever after."""
        keep_secret(token)
        self._answers[token] = list(answers)
        return token

    def calls_of(self, token: str) -> list[Call]:
        return [call for call in self.calls if call.token == token]

    async def is_asked_for(self, token: str) -> None:
        """Wait for the next call that brings `token`, or return if there was one."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self._called[token].wait()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").partition(" ")[2]
        body = await request.text()
        self.calls.append(Call(request.path, token, dict(request.headers), request.method, body))
        self._called[token].set()
        answer = self._next_answer(token)
        if isinstance(answer, str):
            await self._closing.wait()
            return web.Response(status=503)
        return web.Response(status=answer.status, text=answer.text, headers=answer.headers)

    def _next_answer(self, token: str) -> Answer | str:
        answers = self._answers.get(token, [Answer(status=401)])
        return answers.pop(0) if len(answers) > 1 else answers[0]


def json_list(rooms: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{room}"' for room in rooms) + "]"
