"""A server that is to keep the contract, and what a test does with it: as its site, as a sender
and as a page. Nothing here knows who has written the server.
"""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from tests.e2e.events import Event, broadcast, stored
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import WAIT_SECONDS

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Server:
    """Where it is, and the site that it has for the suite. Its authUrl leads to the suite."""

    url: str
    site: str
    key: str
    user_room_prefix: str = "user_"
    is_prefixed: bool = False  # the site's system events


@dataclass(frozen=True)
class Answer:
    status: int
    content: Any  # of JSON; else the text

    @property
    def error(self) -> str:
        """The code of a refusal, which has to have its form."""
        assert self.content["ok"] is False
        assert self.content["error"]["message"]
        return str(self.content["error"]["code"])


@dataclass(frozen=True)
class Contract:
    server: Server
    website: FakeSite
    node: NodeProcess
    http: ClientSession

    @classmethod
    @asynccontextmanager
    async def with_server(
        cls, server: Server, website: FakeSite, node: NodeProcess
    ) -> AsyncIterator["Contract"]:
        timeout = ClientTimeout(total=WAIT_SECONDS)
        async with ClientSession(server.url, timeout=timeout) as http:
            yield cls(server, website, node, http)

    def new_user(self) -> User:
        """Somebody whom no run has had before, in a room of their own and in `shared(user)`."""
        name = secrets.token_hex(8)
        user = User(f"token-{name}", f"{self.server.user_room_prefix}{name}")
        self.website.knows(user.token, [user.room, shared(user)])
        return user

    def namespace(self, query: str = "") -> str:
        return f"{self.server.url}/{self.server.site}{query}"

    async def connect(self, user: User, device: str = "", **options: Any) -> NodeClient:
        auth = {"token": user.token} | ({"deviceId": device} if device else {})
        client = self.node.open(self.namespace(), auth=auth, **options)
        await client.next("connect")
        if self.server.is_prefixed:
            assert (await client.event()).name == "_settings"
        return client

    async def refusal(self, query: str = "", **options: Any) -> dict[str, Any]:
        """Connect, and return the `connect_error` that has to come."""
        return await self.node.open(self.namespace(query), **options).next("connect_error")

    async def post(
        self,
        body: object,
        path: str = "/send",
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> Answer:
        """Call with site and key unless the query names others; "" leaves one out."""
        given = {"site": self.server.site, "apiKey": self.server.key} | query
        parameters = {name: value for name, value in given.items() if value}
        data = body if isinstance(body, str) else json.dumps(body)
        async with self.http.post(
            path, params=parameters, data=data, headers=JSON | (headers or {})
        ) as response:
            text = await response.text()
            return Answer(response.status, _read(text))

    async def send(
        self, rooms: str | list[str], event: str, *args: Any, **query: Any
    ) -> dict[str, Any]:
        answer = await self.post({"rooms": rooms, "event": event, "args": args}, **query)
        assert answer.status == 200, answer
        assert isinstance(answer.content, dict), answer
        return answer.content

    async def hears_nothing_else(self, client: NodeClient, user: User) -> None:
        """What comes next is what is sent now."""
        marker = secrets.token_hex(4)
        await self.send(shared(user), "marker", marker)
        assert await client.event() == broadcast("marker", marker)

    def batch(self, *messages: list[Any]) -> Event:
        return stored(self._name("batch"), list(messages))

    @property
    def resync(self) -> str:
        return self._name("resync")

    def _name(self, event: str) -> str:
        return f"_{event}" if self.server.is_prefixed else event


def shared(user: User) -> str:
    return f"all-{user.room}"


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
