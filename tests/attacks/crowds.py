"""Attacks by many connections, each of which does little or nothing."""

import asyncio

from tests.attacks.attack import attack
from tests.attacks.target import HOST, OWN, POLLING, Target, request

CHEAP = "a connection without a byte for 60 s is closed; it costs some kilobytes until then"
IDLE = (
    "connections that have joined nothing are closed after `connectTimeout`; past 10,000 the oldest"
)
TURNS = "connections take their turn, and messages go ahead of them"
WORD = "x" * 20_000
# So many are all open before the first is closed, and none waits long for its handshake.
HANDSHAKES_PER_SECOND, IDLE_SECONDS = 800, 18.0


@attack("held", stopped_by=CHEAP, at_once=2000, is_repeated=False)
async def half_open(target: Target) -> str:
    """2,000 connections that say nothing."""
    async with target.connected() as (reader, _):
        await target.rest()
        return "closed" if reader.at_eof() else "held"


@attack("held", stopped_by=CHEAP, at_once=500, is_repeated=False)
async def slow_handshake(target: Target) -> str:
    """500 handshakes that come byte by byte."""
    async with target.connected() as (reader, writer):
        writer.write(f"GET {POLLING} HTTP/1.1\r\nHost: {HOST}\r\nX: ".encode())
        return await target.drip(reader, writer, b"x")


@attack(
    "held",
    "closed",
    "closed 1000",
    "refused 403",
    "refused 503",
    stopped_by=IDLE,
    at_once=10_000,
    is_repeated=False,
)
async def idle_handshakes(target: Target) -> str:
    """10,000 websockets that are open and join nothing."""
    began_at = asyncio.get_running_loop().time()
    await asyncio.sleep(next(target.numbers) / HANDSHAKES_PER_SECOND)
    async with target.websocket() as socket:
        await asyncio.sleep(began_at + IDLE_SECONDS - asyncio.get_running_loop().time())
        return "closed" if socket.reader.at_eof() else "held"


@attack("opened", stopped_by=IDLE, at_once=16)
async def idle_polling_sessions(target: Target) -> str:
    """Sessions by polling that nobody polls again, as many as go."""
    await target.open_by_polling()
    return "opened"


@attack(
    "held",
    "refused 403",
    stopped_by="`connections_per_address` (200 here): 503, a websocket 403",
    at_once=300,
    is_repeated=False,
)
async def connections_of_one_address(target: Target) -> str:
    """300 websockets from one address."""
    async with target.websocket(headers={"X-Forwarded-For": "203.0.113.77"}):
        await target.rest()
        return "held"


@attack("joined", stopped_by=TURNS, at_once=16)
async def connection_churn(target: Target) -> str:
    """Clients that connect, join, and are gone without a word."""
    async with target.joined("user_churn") as socket:
        return "joined" if socket.joining.startswith("40") else socket.joining


@attack("200", stopped_by=TURNS, at_once=16)
async def http_churn(target: Target) -> str:
    """Requests of a page, each on a connection of its own."""
    return await target.ask(request("GET", "/healthcheck"))


@attack("cut", stopped_by=TURNS, at_once=32)
async def connections_cut(target: Target) -> str:
    """Connections that are cut amid their handshake, by a reset."""
    async with target.connected() as (_, writer):
        writer.write(f"GET {POLLING}&x={'x' * (next(target.numbers) % 3000)}".encode())
        await asyncio.sleep(0)
    return "cut"


@attack("held", "closed", stopped_by="1 MiB unsent of each, 256 MiB of all; then it is closed",
        at_once=100, is_repeated=False)  # fmt: skip
async def slow_readers(target: Target) -> str:
    """100 clients in one room that read nothing, and 20 KB to it again and again."""
    async with target.websocket() as socket:
        await socket.join(OWN, token="room_slow")
        socket.writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket
        while not target.is_over:
            await target.send({"rooms": "room_slow", "event": "e", "args": [WORD]})
            await asyncio.sleep(0.5)
        return "held"


@attack("held", stopped_by="an answer at a time is written, and none to who does not read",
        at_once=100, is_repeated=False)  # fmt: skip
async def answers_that_nobody_reads(target: Target) -> str:
    """100 connections that ask for the largest static file and read nothing."""
    one = f"GET /static/unfold/css/styles.css HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    async with target.connected() as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket
        writer.write(one * 20)
        await target.rest()
        return "held"
