"""What a web server takes of a request: no head or body past its bound, nor where it stands."""

import asyncio

from tests.delivery.socket_fixtures import TIMEOUT_SECONDS
from tests.delivery.web_server_fixtures import Start, WebProcess, both_servers, start
from tests.delivery.web_server_process import HEAD_BYTES, MESSAGE_BYTES

__all__ = ["start"]


async def send_endless_head(process: WebProcess) -> bytes:
    """Return the answer to a header that does not end."""
    reader, writer = await process.connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
    answer = asyncio.create_task(reader.read())
    for _ in range(HEAD_BYTES // 1000 + 1):
        writer.write(b"x" * 1000)
        await writer.drain()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        text = await answer
    writer.close()
    return text


@both_servers
async def test_a_head_past_its_bound_is_answered_with_431(start: Start, server: str) -> None:
    process = await start(server)
    await process.listen()
    too_long = HEAD_BYTES + 100
    for lines in (f"X: {'x' * too_long}", "\r\n".join(["X: " + "x" * 1000] * 21)):
        assert (await process.request("/", lines)).startswith(b"HTTP/1.1 431 ")
        await process.read_until("too long")
    assert (await process.request(f"/?{'x' * too_long}")).startswith(b"HTTP/1.1 431 ")
    assert b" 200 " in await process.request("/", f"X: {'x' * (HEAD_BYTES - 1000)}")
    assert b" 200 " in await process.request("/", body="x" * too_long)
    sent = await process.request("/send", f"X: {'x' * too_long}", method="POST")
    assert sent.startswith(b"HTTP/1.1 431 ")
    assert b" 200 " in await process.request("/send", body="x" * too_long, method="POST")
    assert (await send_endless_head(process)).startswith(b"HTTP/1.1 431 ")


@both_servers
async def test_nobody_tells_the_service_where_it_stands(start: Start, server: str) -> None:
    """Its links would lead there."""
    process = await start(server)
    await process.listen()
    await process.request("/page", "Daphne-Root-Path: /evil")
    assert await process.read_until("request") == "request /page"


async def test_a_body_past_its_bound_is_answered_with_413_while_it_arrives(start: Start) -> None:
    """uvicorn leaves that to the application: see test_asgi."""
    process = await start("daphne")
    await process.listen()
    part = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    chunks = b"POST /any HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    announced = f"POST /any HTTP/1.1\r\nHost: x\r\nContent-Length: {MESSAGE_BYTES + 1}\r\n\r\n"
    count = MESSAGE_BYTES // 0x1000 + 1
    for text in (chunks + part * count, chunks + part * count + b"0\r\n\r\n", announced.encode()):
        reader, writer = await process.connect()
        writer.write(text)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert (await reader.read()).startswith(b"HTTP/1.1 413 ")
        writer.close()
    body = "x" * MESSAGE_BYTES
    assert b" 200 " in await process.request("/whole", body=body, method="POST")
    await process.read_until("answered /whole")
    assert "request /any" not in process.lines
