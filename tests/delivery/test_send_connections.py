"""Connections of sites' backends: taken from daphne, read by httptools, and given back."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import pytest
import pytest_asyncio

from delivery import http_connection
from delivery.heads import Heads
from delivery.http_connection import KEEP_ALIVE_SECONDS, HttpConnection, runs_to_end
from delivery.send_connections import SendConnections
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until

HEAD = b"POST /send?site=newsite HTTP/1.1\r\nHost: x\r\n"
REQUEST = HEAD + b"Content-Length: 4\r\n\r\nbody"


@dataclass
class Sender:
    """The sender's end of one connection, and what the service did with its own."""

    connections: SendConnections
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: list[tuple[str, bytes]]
    handed_back: list[bytes]
    site: "Site"

    def its_connection(self) -> HttpConnection:
        [connection] = self.connections.state.connections
        assert isinstance(connection, HttpConnection)
        return connection

    async def read_answer(self) -> tuple[bytes, bytes]:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
            return head, await self.reader.readexactly(4 if b"200 OK" in head else 0)

    async def read_rest(self) -> bytes:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await self.reader.read()


@dataclass
class Site:
    """An application that answers with what it is told to wait for."""

    requests: list[tuple[str, bytes]] = field(default_factory=list)
    uncut: list[bool] = field(default_factory=list)  # of each request
    answered: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        self.requests.append((scope["path"], body))
        self.uncut.append(runs_to_end(scope))
        await self.released.wait()
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})
        self.answered += 1


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[Sender]:
    site, handed_back = Site(), list[bytes]()
    site.released.set()

    def hand_back(fd: int, data: bytes) -> None:
        handed_back.append(data)
        os.write(fd, b"from daphne")
        os.close(fd)

    connections = SendConnections(site, hand_back)
    theirs, own = socket.socketpair()
    connections.adopt(own, REQUEST)
    reader, writer = await asyncio.open_connection(sock=theirs)
    yield Sender(connections, reader, writer, site.requests, handed_back, site)
    writer.transport.abort()
    connections.close()
    await until(lambda: not connections.state.connections)


async def test_what_was_read_before_is_answered_with_time_and_name(sender: Sender) -> None:
    head, body = await sender.read_answer()
    assert head.startswith(b"HTTP/1.1 200 OK\r\nserver: sioweb\r\ndate: ")
    assert body == b"done"
    assert sender.requests == [("/send", b"body")]


async def test_connection_goes_on_with_the_next_message(sender: Sender) -> None:
    await sender.read_answer()
    sender.writer.write(REQUEST.replace(b"/send", b"/send/batch"))
    await sender.read_answer()
    assert [path for path, _ in sender.requests] == ["/send", "/send/batch"]


async def test_request_that_comes_in_pieces_stays_here(sender: Sender) -> None:
    await sender.read_answer()
    for piece in (HEAD, b"Content-Length: 4\r\n", b"\r\n", b"bo", b"dy"):
        sender.writer.write(piece)
        await sender.writer.drain()
    await sender.read_answer()
    assert sender.requests[1:] == [("/send", b"body")]


async def test_another_request_goes_back_to_daphne_with_its_connection(sender: Sender) -> None:
    await sender.read_answer()
    poll = b"GET /socket.io/?EIO=4&transport=polling&sid=bK3x HTTP/1.1\r\n\r\n"
    sender.writer.write(poll)
    assert await sender.read_rest() == b"from daphne"
    assert sender.handed_back == [poll]
    await until(lambda: not sender.connections.state.connections)


async def test_requests_one_behind_the_other_are_answered_in_order(sender: Sender) -> None:
    sender.writer.write(REQUEST + REQUEST.replace(b"body", b"more"))
    for _ in range(3):
        await sender.read_answer()
    assert [body for _, body in sender.requests] == [b"body", b"body", b"more"]
    assert sender.handed_back == []


async def test_head_without_end_is_refused(sender: Sender) -> None:
    await sender.read_answer()
    sender.writer.write(HEAD + b"X-Long: " + b"x" * (Heads().max_bytes + 1))
    assert b"431 Request Header Fields Too Large" in await sender.read_rest()


async def test_long_body_is_no_long_head(sender: Sender) -> None:
    await sender.read_answer()
    body = b"x" * (3 * Heads().max_bytes)
    sender.writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await sender.read_answer()
    assert len(sender.requests[1][1]) == len(body)


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


async def test_trailers_are_no_headers(sender: Sender) -> None:
    await sender.read_answer()
    connection = sender.its_connection()
    sender.writer.write(CHUNKED + b"4\r\nbody\r\n0\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n")
    assert (await sender.read_answer())[1] == b"done"
    assert [name for name, _ in connection.headers] == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize(
    "endless",
    [b"0\r\n" + b"a: b\r\n" * 20_000, b"0\r\na: " + b"b" * 100_000, b"4;" + b"x" * 100_000],
)
async def test_what_is_neither_head_nor_body_has_an_end(sender: Sender, endless: bytes) -> None:
    await sender.read_answer()
    connection = sender.its_connection()
    sender.writer.write(CHUNKED)
    await until(lambda: connection._is_in_request)
    sender.writer.write(endless)
    assert await sender.read_rest() == b""


async def test_long_body_of_small_chunks_is_taken(sender: Sender) -> None:
    await sender.read_answer()
    sender.writer.write(CHUNKED + b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n")
    await sender.read_answer()
    assert sender.requests[1] == ("/send", b"x" * 20_000)


async def test_what_is_no_http_is_refused(sender: Sender) -> None:
    await sender.read_answer()
    sender.writer.write(b"POST /send\r\nnonsense\r\n\r\n")
    assert b"400 Bad Request" in await sender.read_rest()


async def test_sender_who_waits_for_it_is_told_to_continue(sender: Sender) -> None:
    await sender.read_answer()
    sender.writer.write(HEAD + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    head, _ = await sender.read_answer()
    assert head == b"HTTP/1.1 100 Continue\r\n\r\n"
    sender.writer.write(b"body")
    assert (await sender.read_answer())[1] == b"done"


async def test_running_request_is_answered_before_its_connection_closes(sender: Sender) -> None:
    await sender.read_answer()
    sender.site.released.clear()
    sender.writer.write(REQUEST)
    await until(lambda: len(sender.requests) == 2)
    sender.connections.close()
    assert len(sender.connections.requests) == 1
    sender.site.released.set()
    head, _ = await sender.read_answer()
    assert b"connection: close" in head
    assert await sender.read_rest() == b""


async def test_request_of_a_sender_that_hangs_up_runs_to_its_end_as_it_says(
    sender: Sender,
) -> None:
    await sender.read_answer()
    sender.site.released.clear()
    sender.writer.write(REQUEST)
    await until(lambda: len(sender.requests) == 2)
    sender.writer.transport.abort()
    await until(lambda: not sender.connections.state.connections)
    sender.site.released.set()
    await until(lambda: sender.site.answered == 2)
    assert sender.site.uncut == [True, True]


async def test_idle_connection_closes_at_once(sender: Sender) -> None:
    await sender.read_answer()
    sender.connections.close()
    assert await sender.read_rest() == b""


async def test_request_that_does_not_go_on_is_cut(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sender.read_answer()
    connection = sender.its_connection()
    sender.writer.write(HEAD)
    await until(lambda: connection._is_in_request)
    monkeypatch.setattr(http_connection, "STALL_SECONDS", 0.0)
    connection._close_if_late()
    assert await sender.read_rest() == b""


async def test_idle_connection_is_not_cut_as_one_that_stalls(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sender.read_answer()
    connection = sender.its_connection()
    monkeypatch.setattr(http_connection, "STALL_SECONDS", 1000.0)
    connection._heard_at -= 2000
    connection._close_if_late()
    sender.writer.write(REQUEST)
    assert (await sender.read_answer())[1] == b"done"


async def test_idle_connection_is_closed_in_the_end(sender: Sender) -> None:
    await sender.read_answer()
    connection = sender.its_connection()
    connection._answered_at -= KEEP_ALIVE_SECONDS
    connection._close_if_late()
    assert await sender.read_rest() == b""


async def test_idle_connection_is_kept_until_then(sender: Sender) -> None:
    await sender.read_answer()
    connection = sender.its_connection()
    connection._heard_at -= KEEP_ALIVE_SECONDS
    connection._answered_at -= KEEP_ALIVE_SECONDS - 1
    connection._close_if_late()
    assert connection._watch is not None
    assert connection._watch.when() <= connection.loop.time() + 1
    sender.writer.write(REQUEST)
    assert (await sender.read_answer())[1] == b"done"


async def test_connection_that_waits_for_its_answer_is_not_closed(sender: Sender) -> None:
    await sender.read_answer()
    sender.site.released.clear()
    sender.writer.write(REQUEST)
    await until(lambda: len(sender.requests) == 2)
    connection = sender.its_connection()
    connection._heard_at = connection._answered_at = monotonic() - 1000
    connection._close_if_late()
    sender.site.released.set()
    assert (await sender.read_answer())[1] == b"done"
