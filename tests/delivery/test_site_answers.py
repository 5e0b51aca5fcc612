"""What sites answer, in every shape that servers have."""

import asyncio
import gzip
import zlib

import pytest

from delivery.site_client import SiteClient
from delivery.site_connection import (
    MAX_BODY_BYTES,
    MAX_HEARD_BYTES,
    Answer,
    CallFailed,
)
from tests.delivery.raw_site import OK, OK_BEFORE_THE_END, RawSite, get
from tests.delivery.socket_fixtures import until


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (*chunks, b""))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + body.removesuffix(b"\r\n") + trailer + b"\r\n"


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
    reply: bytes, body: bytes, piece_bytes: int, caller: SiteClient, raw_site: RawSite
) -> None:
    raw_site.piece_bytes = piece_bytes
    assert await get(caller, raw_site, reply) == Answer(200, "", body)
    assert (await get(caller, raw_site)).body == body  # on the same connection, where it is kept


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
    encoding: bytes, packed: bytes, caller: SiteClient, raw_site: RawSite
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
    answer = await get(caller, raw_site, head % (encoding, len(packed)) + packed)
    assert answer.body == b"[1]"


async def test_a_body_that_says_it_is_packed_and_is_not(
    caller: SiteClient, raw_site: RawSite
) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]"
    with pytest.raises(CallFailed, match="no valid HTTP"):
        await get(caller, raw_site, reply)


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
    head: bytes, caller: SiteClient, raw_site: RawSite
) -> None:
    raw_site.replies = [head + b"[1,2]"]
    asked = asyncio.create_task(get(caller, raw_site))
    await until(lambda: raw_site.heads)
    raw_site.writers[0].close()
    assert (await asked).body == b"[1,2]"


async def test_the_date_is_told(caller: SiteClient, raw_site: RawSite) -> None:
    date = "Sun, 29 Nov 2026 00:00:00 GMT"
    reply = f"HTTP/1.1 204 No Content\r\nDATE: {date}\r\n\r\n".encode()
    assert await get(caller, raw_site, reply) == Answer(204, date, b"")


async def test_only_the_head_of_a_denial_is_waited_for(
    caller: SiteClient, raw_site: RawSite
) -> None:
    reply = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\n"
    assert (await get(caller, raw_site, reply)).status == 401


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
    start: bytes, more: bytes, caller: SiteClient, raw_site: RawSite
) -> None:
    with pytest.raises(CallFailed, match="no valid HTTP"):
        await get(caller, raw_site, start + more * (MAX_BODY_BYTES // len(more)))


async def test_chunks_that_say_more_of_themselves_than_they_hold_are_cut(
    caller: SiteClient, raw_site: RawSite
) -> None:
    chunk = b"1;%s\r\n \r\n" % (b"x" * 1_000)
    with pytest.raises(CallFailed, match="no valid HTTP"):
        await get(caller, raw_site, chunked()[:-5] + chunk * (2 * MAX_HEARD_BYTES // len(chunk)))


async def test_a_body_without_end_is_cut_behind_what_is_allowed(
    caller: SiteClient, raw_site: RawSite
) -> None:
    answer = await get(caller, raw_site, b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 4 * MAX_BODY_BYTES)
    assert MAX_BODY_BYTES < len(answer.body) < 2 * MAX_BODY_BYTES
