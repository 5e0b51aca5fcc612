"""How sites are called: connections that are kept, and answers in every shape that servers have."""

import asyncio
import gzip
import sys
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pytest
import pytest_asyncio

from delivery import site_client
from delivery.site_client import SiteClient
from delivery.site_connection import (
    MAX_BODY_BYTES,
    MAX_HEARD_BYTES,
    Answer,
    CallFailed,
    NothingHeard,
    SiteConnection,
)
from sites.networks import DenyList
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until
from tests.e2e.waiting import until_taken

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
OK_BEFORE_THE_END = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]"
HUNG = b"hung"  # nothing is written, and the connection stays
CLOSED = b""  # without an answer


@dataclass
class RawSite:
    """Writes `replies`, one for each request, the last one again and again; in pieces if told."""

    replies: list[bytes] = field(default_factory=lambda: [OK])
    piece_bytes: int = 1_000_000
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)  # one for each connection
    closed: list[asyncio.StreamWriter] = field(default_factory=list)  # by the client

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/rooms"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed.append(writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        _, is_long, length = head.lower().partition(b"content-length: ")
        self.bodies.append(await reader.readexactly(int(length.split()[0]) if is_long else 0))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply == CLOSED:
            writer.close()
        elif reply != HUNG:
            for start in range(0, len(reply), self.piece_bytes):
                writer.write(reply[start : start + self.piece_bytes])
                await asyncio.sleep(0)


@pytest_asyncio.fixture
async def raw_site() -> AsyncIterator[RawSite]:
    site = RawSite()
    async with await asyncio.start_server(site.serve, "127.0.0.1") as server:
        site.port = server.sockets[0].getsockname()[1]
        yield site
        for writer in site.writers:
            writer.close()
        await until_taken()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[SiteClient]:
    client = SiteClient(DenyList(), TIMEOUT_SECONDS)
    yield client
    client.close()
    await until_taken()


async def get(client: SiteClient, site: RawSite, *replies: bytes) -> Answer:
    site.replies = list(replies) or site.replies
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await client.get(site.url, {})


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (*chunks, b""))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + body.removesuffix(b"\r\n") + trailer + b"\r\n"


async def test_a_request_is_what_http_wants(client: SiteClient, raw_site: RawSite) -> None:
    await client.get(raw_site.url + "?a=1&b=ü#part", {"Authorization": "Bearer grüße"})
    line, *headers = raw_site.heads[0].decode().splitlines()
    assert line == "GET /rooms?a=1&b=%C3%BC HTTP/1.1"
    assert headers[0] == f"Host: 127.0.0.1:{raw_site.port}"
    assert headers[1].startswith("User-Agent: sioweb/")
    assert headers[2:] == ["Authorization: Bearer grüße", ""]


async def test_a_put_has_its_length(client: SiteClient, raw_site: RawSite) -> None:
    answer = await client.put(raw_site.url, {"Content-Type": "application/json"}, b'{"a":1}')
    assert answer == Answer(200, "", b"")
    assert raw_site.heads[0].startswith(b"PUT /rooms HTTP/1.1\r\n")
    assert raw_site.bodies == [b'{"a":1}']


@pytest.mark.parametrize("piece_bytes", [1, 7, 1_000_000])
@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (OK, b"[]"),
        (chunked(b"[1", b",2]"), b"[1,2]"),
        (chunked(b"[]", trailer=b"Content-Encoding: gzip\r\n"), b"[]"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"[]"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, b"[]"),
        (b"HTTP/1.1 103 Early Hints\r\nContent-Encoding: gzip\r\nDate: 1\r\n\r\n" + OK, b"[]"),
        (b"HTTP/1.1 200 \r\ncontent-length:2\r\n\r\n[]", b"[]"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n[]", b"[]"),
        (OK_BEFORE_THE_END, b"[]"),
    ],
    ids=[
        *("plain", "chunks", "trailer", "continue", "hints", "headers of a hint"),
        *("no reason", "line feeds", "close"),
    ],
)
async def test_an_answer_is_read_in_pieces_of_any_size(
    reply: bytes, body: bytes, piece_bytes: int, client: SiteClient, raw_site: RawSite
) -> None:
    raw_site.piece_bytes = piece_bytes
    assert await get(client, raw_site, reply) == Answer(200, "", body)
    assert (await get(client, raw_site)).body == body  # on the same connection, where it is kept


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        (b"gzip", gzip.compress(b"[1]")),
        (b"deflate", zlib.compress(b"[1]")),
        (b"deflate", zlib.compress(b"[1]", wbits=-zlib.MAX_WBITS)),
        (b"identity", b"[1]"),
    ],
    ids=["gzip", "deflate", "deflate without zlib", "not at all"],
)
async def test_a_packed_body_is_unpacked(
    encoding: bytes, packed: bytes, client: SiteClient, raw_site: RawSite
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
    answer = await get(client, raw_site, head % (encoding, len(packed)) + packed)
    assert answer.body == b"[1]"


async def test_a_body_that_says_it_is_packed_and_is_not(
    client: SiteClient, raw_site: RawSite
) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]"
    with pytest.raises(CallFailed, match="no valid HTTP"):
        await get(client, raw_site, reply)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["new", "old", "identity", "behind a hint"],
)
async def test_a_body_without_a_length_ends_with_the_connection(
    head: bytes, client: SiteClient, raw_site: RawSite
) -> None:
    raw_site.replies = [head + b"[1,2]"]
    asked = asyncio.create_task(get(client, raw_site))
    await until(lambda: raw_site.heads)
    raw_site.writers[0].close()
    assert (await asked).body == b"[1,2]"


async def test_the_date_is_told(client: SiteClient, raw_site: RawSite) -> None:
    date = "Sun, 29 Nov 2026 00:00:00 GMT"
    reply = f"HTTP/1.1 204 No Content\r\nDATE: {date}\r\n\r\n".encode()
    assert await get(client, raw_site, reply) == Answer(204, date, b"")


async def test_a_connection_is_kept_for_the_next_call(
    client: SiteClient, raw_site: RawSite
) -> None:
    for _ in range(3):
        await get(client, raw_site)
    await client.put(raw_site.url, {}, b"{}")
    assert len(raw_site.writers) == 1


@pytest.mark.parametrize(
    "reply",
    [
        OK_BEFORE_THE_END,
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        OK + OK,
        OK + b"HTTP/1.1 200",
        b"HTTP/1.1 401 No\r\nContent-Length: 2000000\r\n\r\nstill to come",
    ],
    ids=["told", "old", "two answers", "more", "a long body that is not read"],
)
async def test_a_connection_is_not_kept_after_an_answer(
    reply: bytes, client: SiteClient, raw_site: RawSite
) -> None:
    assert (await get(client, raw_site, reply)).status in (200, 401)
    assert (await get(client, raw_site, OK)).body == b"[]"
    assert len(raw_site.writers) == 2


async def test_only_the_head_of_a_denial_is_waited_for(
    client: SiteClient, raw_site: RawSite
) -> None:
    reply = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\n"
    assert (await get(client, raw_site, reply)).status == 401


async def test_many_calls_have_a_connection_each(client: SiteClient, raw_site: RawSite) -> None:
    for _ in range(2):
        await asyncio.gather(*(get(client, raw_site) for _ in range(20)))
    assert len(raw_site.writers) == 20


async def test_many_calls_look_a_name_up_once(
    client: SiteClient, raw_site: RawSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lookup holds one of a few threads: those of a slow name would leave others none."""
    loop = asyncio.get_running_loop()
    look_up, looked_up = loop.getaddrinfo, []

    def count(*args: Any, **options: Any) -> Any:
        looked_up.append(args)
        return look_up(*args, **options)

    monkeypatch.setattr(loop, "getaddrinfo", count)
    for _ in range(2):
        await asyncio.gather(*(get(client, raw_site, OK_BEFORE_THE_END) for _ in range(20)))
    assert len(looked_up) == 1


async def test_an_answer_is_not_kept_while_another_call_hangs(
    client: SiteClient, raw_site: RawSite
) -> None:
    await asyncio.gather(*(get(client, raw_site) for _ in range(2)))
    raw_site.replies = [HUNG, OK]
    hung = asyncio.create_task(get(client, raw_site))
    await until(lambda: len(raw_site.heads) == 3)
    answer = await get(client, raw_site)
    await asyncio.sleep(0)  # the turn that brought it holds it, too
    references = sys.getrefcount(answer)
    assert references == 2  # here, and its own argument
    hung.cancel()
    await asyncio.wait([hung])


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_kept_connection_that_is_closed_as_the_call_comes_costs_nothing(
    method: str, client: SiteClient, raw_site: RawSite
) -> None:
    await get(client, raw_site, OK, CLOSED, OK)
    call = client.get(raw_site.url, {}) if method == "GET" else client.put(raw_site.url, {}, b"{}")
    assert (await call).status == 200
    assert len(raw_site.writers) == 2


async def test_a_sweep_in_that_moment_leaves_no_connection_to_nobody(
    client: SiteClient, raw_site: RawSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    await get(client, raw_site, OK, CLOSED, OK)
    [pool] = client._pools.values()
    note_closed = pool.note_closed

    def sweep_behind(connection: SiteConnection) -> None:
        note_closed(connection)
        client._close_unused()

    monkeypatch.setattr(pool, "note_closed", sweep_behind)
    await get(client, raw_site)
    client.close()
    await until(lambda: len(raw_site.closed) == 2)


async def test_a_new_connection_that_is_closed_is_no_answer(
    client: SiteClient, raw_site: RawSite
) -> None:
    with pytest.raises(NothingHeard):
        await get(client, raw_site, CLOSED)
    assert len(raw_site.writers) == 1


async def test_what_a_site_closes_or_says_unasked_ends_a_kept_connection(
    client: SiteClient, raw_site: RawSite
) -> None:
    await get(client, raw_site)
    raw_site.writers[0].write(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    await until(lambda: raw_site.closed)
    await get(client, raw_site)
    raw_site.writers[1].close()
    await until(lambda: not any(pool._connections for pool in client._pools.values()))
    await get(client, raw_site)
    assert len(raw_site.writers) == len(raw_site.heads) == 3


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 1_000),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1_000),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 1_000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"x" * 1_000),
    ],
    ids=["a header", "headers", "hints", "a chunk", "a trailer"],
)
async def test_what_is_no_body_and_does_not_end_is_cut_soon(
    start: bytes, more: bytes, client: SiteClient, raw_site: RawSite
) -> None:
    with pytest.raises(CallFailed, match="no valid HTTP"):
        await get(client, raw_site, start + more * (MAX_BODY_BYTES // len(more)))


async def test_chunks_that_say_more_of_themselves_than_they_hold_are_cut(
    client: SiteClient, raw_site: RawSite
) -> None:
    chunk = b"1;%s\r\n \r\n" % (b"x" * 1_000)
    with pytest.raises(CallFailed, match="no valid HTTP"):
        await get(client, raw_site, chunked()[:-5] + chunk * (2 * MAX_HEARD_BYTES // len(chunk)))


async def test_a_body_without_end_is_cut_behind_what_is_allowed(
    client: SiteClient, raw_site: RawSite
) -> None:
    answer = await get(client, raw_site, b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 4 * MAX_BODY_BYTES)
    assert MAX_BODY_BYTES < len(answer.body) < 2 * MAX_BODY_BYTES


async def test_a_call_that_is_taken_back_ends_its_connection(
    client: SiteClient, raw_site: RawSite
) -> None:
    await get(client, raw_site, OK, HUNG)
    call = asyncio.create_task(get(client, raw_site))
    await until(lambda: len(raw_site.heads) == 2)
    call.cancel()
    await until(lambda: raw_site.closed)
    assert (await get(client, raw_site, OK)).body == b"[]"


async def test_a_call_on_a_kept_connection_takes_as_long_as_it_may(raw_site: RawSite) -> None:
    client = SiteClient(DenyList(), 0.05)
    await get(client, raw_site, OK, HUNG)
    with pytest.raises(CallFailed, match="It took too long to answer"):
        await get(client, raw_site)
    await until(lambda: raw_site.closed)
    client.close()


async def test_a_connection_without_calls_is_closed(
    client: SiteClient, raw_site: RawSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_client, "KEPT_SECONDS", 0.02)
    await get(client, raw_site)
    await until(lambda: raw_site.closed)
    await until(lambda: not client._pools)
    assert (await get(client, raw_site)).body == b"[]"


async def test_closing_ends_what_is_under_way(client: SiteClient, raw_site: RawSite) -> None:
    raw_site.replies = [HUNG]
    call = asyncio.create_task(get(client, raw_site))
    await until(lambda: raw_site.heads)
    client.close()
    with pytest.raises(NothingHeard):
        await call
    assert (await get(client, raw_site, OK)).body == b"[]"


async def test_closing_while_a_connection_opens_leaves_none_open(
    client: SiteClient, raw_site: RawSite
) -> None:
    call = asyncio.create_task(get(client, raw_site))
    await asyncio.sleep(0)  # it looks the address up
    client.close()
    with pytest.raises(CallFailed):
        await call
    assert not list(islice(client._pools, 1))
