"""Connections of sites' backends: taken from daphne, read by httptools, and given back."""

import pytest

from delivery.heads import Heads
from tests.delivery.send_connection_fixtures import HEAD, REQUEST, Sender, sender
from tests.delivery.socket_fixtures import until

__all__ = ["sender"]


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


ASKING = HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"


@pytest.mark.parametrize(
    "request_of_it",
    [
        ASKING + b"Content-Length: 4\r\n\r\nbody",
        ASKING + b"Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
    ],
    ids=["length", "chunked"],
)
@pytest.mark.parametrize("piece_bytes", [1, 1000])
async def test_sender_who_asks_for_http_2_is_answered_in_http_1(
    sender: Sender, request_of_it: bytes, piece_bytes: int
) -> None:
    await sender.read_answer()
    requests = request_of_it + REQUEST.replace(b"body", b"more") + request_of_it
    for start in range(0, len(requests), piece_bytes):
        sender.writer.write(requests[start : start + piece_bytes])
        await sender.writer.drain()
    for _ in range(3):
        assert (await sender.read_answer())[1] == b"done"
    assert [body for _, body in sender.requests[1:]] == [b"body", b"more", b"body"]


async def test_sender_who_asks_for_http_2_may_send_nothing(sender: Sender) -> None:
    await sender.read_answer()
    sender.writer.write(ASKING + b"\r\n" + REQUEST)
    for _ in range(2):
        assert (await sender.read_answer())[1] == b"done"
    assert [body for _, body in sender.requests[1:]] == [b"", b"body"]
