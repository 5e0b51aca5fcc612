"""A site's web server, of which the test says what it answers."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace

import orjson
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from sites.snapshots import SiteSnapshot
from tests.delivery.http_fixtures import make_site
from tests.e2e.waiting import until_taken


@dataclass
class Reply:
    status: int = 200
    body: bytes = b"[]"
    headers: dict[str, str] = field(default_factory=dict)
    released: asyncio.Event | None = None  # set when the answer may go out


def rooms_reply(*rooms: object) -> Reply:
    return Reply(body=orjson.dumps(list(rooms)))


class FakeSite:
    """Answers with `replies` in turn, the last one again and again."""

    def __init__(self) -> None:
        self.replies: list[Reply] = [rooms_reply("user_1", "staff")]
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.server: TestServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return str(self.server.make_url("/socketrooms"))

    def answer(self, *replies: Reply) -> None:
        self.replies = list(replies)

    def snapshot(self, name: str = "newsite", **fields: str) -> SiteSnapshot:
        return replace(make_site(name), **{"auth_url": self.url, **fields})  # type: ignore[arg-type]

    def headers(self, name: str) -> Iterable[str | None]:
        """The values of this header, of one request after the other."""
        return [request.headers.get(name) for request in self.requests]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.released is not None:
            await reply.released.wait()
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


@pytest_asyncio.fixture
async def fake_site() -> AsyncIterator[FakeSite]:
    site = FakeSite()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", site.handle)
    site.server = TestServer(application)
    await site.server.start_server()
    yield site
    for reply in site.replies:
        if reply.released is not None:
            reply.released.set()
    await until_taken()
    await site.server.close()


def hold(fake_site: FakeSite, *, first: Reply | None = None) -> asyncio.Event:
    """Make the site think until the event is set."""
    released = asyncio.Event()
    reply = first or rooms_reply("user_1", "staff")
    reply.released = released
    fake_site.answer(reply)
    return released
