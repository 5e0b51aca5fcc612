"""Requests that begin as the last one of their connection did are read as any other."""

import asyncio
from typing import Any

import uvicorn
from hypothesis import example, given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState

from delivery.http_connection import MAX_UNUSED, HttpConnection
from delivery.known_head import FACTS, facts_of, once_per_head
from tests.delivery.transport_double import KeepingTransport

LINE = b"POST /send?site=newsite HTTP/1.1\r\n"
TURNS = 40  # of the event loop, more than all requests of a test take
HEAD = LINE + b"Host: x\r\nContent-Length: %d\r\nX-Last: y\r\n\r\n"


class Forgetful(HttpConnection):
    """Parses each request."""

    def _keep_head(self, request: bytes) -> None:
        pass


class Server:
    """The requests of one connection, and what its application was given."""

    def __init__(self, kind: type[HttpConnection]) -> None:
        self.requests: list[tuple[dict[str, Any], bytes]] = []
        self.facts: list[dict[Any, Any]] = []
        self.were_known: list[bool] = []
        options: dict[str, Any] = {"ws": "none", "log_config": None, "proxy_headers": False}
        config = uvicorn.Config(self.application, interface="asgi3", **options)
        config.load()
        self.state = ServerState()
        self.connection = kind(config, self.state, {})
        self.transport = KeepingTransport()
        self.connection.connection_made(self.transport)

    async def application(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        self.facts.append(facts_of(scope))
        self.were_known.append(FACTS in scope["extensions"])
        self.requests.append(({**scope, "extensions": None}, body))
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def read(self, *reads: bytes, turns: int = TURNS) -> None:
        """Those of a closed connection do not come."""
        for data in reads:
            if not self.transport.is_closed:
                self.connection.data_received(data)
            for _ in range(turns):
                await asyncio.sleep(0)
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def end(self) -> None:
        self.connection.connection_lost(None)
        await asyncio.gather(*self.state.tasks)


async def outcome(kind: type[HttpConnection], reads: list[bytes], turns: int) -> Any:
    server = Server(kind)
    await server.read(*reads, turns=turns)
    await server.end()
    return server.requests, b"".join(server.transport.written), server.transport.is_closed


def head(*lines: bytes, first: bytes = LINE) -> bytes:
    return first + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


HEADS = [
    HEAD,
    head(b"content-length:%d"),
    head(b"Content-Length: %d \t"),
    head(b"Content-Length: %d", b"Content-Length: 4"),
    head(b"X: y", b" folded: x", b"Content-Length: %d"),
    head(b"Content-Length: %d", b"Connection: close"),
    head(b"Content-Length: %d", b"Connection: Upgrade", b"Upgrade: h2c"),
    head(b"Content-Length: %d", b"Expect: 100-continue"),
    head(b"Content-Length: %d", b"Transfer-Encoding: chunked"),
    head(b"Content-Length: %d", first=b"POST /send HTTP/1.0\r\n"),
    head(b"Content-Length: %d", b"X: y").replace(b"y\r\n\r\n", b"y\n\n\r\n\r\n"),
    head(b"Content-Length: %d").replace(b"1.1\r\n", b"1.1\n"),
    head(b"Content-Length: 0%d"),
    head(b"Content-Length: +%d"),
]
BODIES = st.sampled_from([b"", b"body", b"\r\n\r\n", b"x" * 10, LINE, b"0\r\n\r\n"])
WHOLE = HEAD % 4 + b"body"


def requests_of(head: bytes) -> st.SearchStrategy[bytes]:
    return st.builds(lambda body: head % len(body) + body, BODIES)


def reads_of(head: bytes) -> st.SearchStrategy[bytes]:
    """One holds a request, two, a part of one, or one and something that belongs to none."""
    request = requests_of(head)
    return st.one_of(
        request,
        st.tuples(request, request).map(b"".join),
        st.builds(lambda request, end: request[:end], request, st.integers(1, 150)),
        st.builds(lambda request, more: request + more, request, BODIES),
    )


@settings(max_examples=500)
@example([WHOLE, HEAD % 4 + b"bo", b"dy", WHOLE])
@example([WHOLE, WHOLE + WHOLE, WHOLE + b"POST", b" /send"])
@example([WHOLE, LINE, WHOLE])
@example([HEAD % 10, b"POST /send" + WHOLE, b"POST /send" + WHOLE])
@example([WHOLE + WHOLE.replace(b"y", b"z"), WHOLE, WHOLE])
@example([WHOLE, WHOLE.replace(b"newsite", b"oldsite")])
@example([WHOLE, HEAD.replace(b"%d", b"1_0") + b"0123456789"])
@given(st.sampled_from(HEADS).flatmap(lambda head: st.lists(reads_of(head), max_size=5)))
async def test_what_is_known_changes_nothing(reads: list[bytes]) -> None:
    for turns in (TURNS, 0):
        known, parsed = [await outcome(kind, reads, turns) for kind in (HttpConnection, Forgetful)]
        assert known == parsed


async def test_facts_are_those_of_the_head() -> None:
    server = Server(HttpConnection)
    other = HEAD.replace(b"y", b"z")
    await server.read(
        *(HEAD % 4 + b"body", HEAD % 2 + b"ab", HEAD % 10 + b"0123456789"),
        *(other % 4 + b"body", other % 4 + b"more"),
    )
    first, second, third, fourth, fifth = server.facts
    assert second is third
    assert (first, fourth) == ({}, {})
    assert len({id(each) for each in (first, second, fourth, fifth)}) == 4
    assert [scope["headers"][1][1] for scope, _ in server.requests] == [
        *(b"4", b"2", b"10"),
        *(b"4", b"4"),
    ]
    await server.end()


async def test_heads_that_do_not_come_again_are_not_kept_for_ever() -> None:
    server = Server(HttpConnection)
    requests = [WHOLE.replace(b"y", b"%d" % number) for number in range(MAX_UNUSED + 1)]
    last_kept, last = requests[-2:]
    await server.read(*requests, last, last_kept, last, last)
    assert server.were_known == [*[False] * len(requests), False, True, False, True]
    await server.end()


def test_what_depends_on_the_head_alone_is_read_once() -> None:
    scope: dict[str, Any] = {"extensions": {FACTS: {}}}
    heard: list[str] = []

    def read(text: str) -> int:
        heard.append(text)
        return len(text)

    assert [once_per_head(each, read, "four") for each in (scope, scope, {}, {})] == [4] * 4
    assert heard == ["four"] * 3
