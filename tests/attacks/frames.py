"""Attacks with the frames of a websocket (RFC 6455), below any packet."""

import zlib

from tests.attacks.attack import attack
from tests.attacks.target import Target
from tests.attacks.websocket import (
    BINARY,
    CONTINUATION,
    FIN,
    PING,
    RSV1,
    TEXT,
)

SIZE = "`maxHttpBufferSize` (1 MB); before it is whole, six times `send_body_limit`, as it claims"
TOO_BIG = ("closed 1009", "closed 1000", "closed")
PROTOCOL = ("closed 1002", "closed")
RULES = "the rules of RFC 6455"


@attack(*TOO_BIG, stopped_by=SIZE)
async def claimed_exabyte(target: Target) -> str:
    """A frame that claims to have 2^62 bytes."""
    async with target.websocket() as socket:
        await socket.frame(b"x" * 1000, length=1 << 62)
        return await socket.read_to_end()


@attack(*TOO_BIG, stopped_by=SIZE)
async def large_frame(target: Target) -> str:
    """A frame of 4 MB."""
    async with target.websocket() as socket:
        await socket.frame(b"x" * 4_000_000)
        return await socket.read_to_end()


@attack(*TOO_BIG, stopped_by=SIZE)
async def fragments_past_the_limit(target: Target) -> str:
    """A message in fragments of 60,000 bytes, without an end."""
    async with target.websocket() as socket:
        await socket.frame(b"4" * 60_000, TEXT)
        for _ in range(120):
            await socket.frame(b"4" * 60_000, CONTINUATION)
        return await socket.read_to_end()


@attack(*TOO_BIG, "held", stopped_by=SIZE + "; empty ones are nothing")
async def tiny_fragments(target: Target) -> str:
    """A message in fragments of one byte or none, for as long as that is taken."""
    async with target.websocket() as socket:
        await socket.frame(b"4", TEXT)
        async for _ in target.rounds():
            for _ in range(200):
                await socket.frame(b"x" * (next(target.numbers) % 2), CONTINUATION)
        return "held"


@attack("closed 1002", "closed", stopped_by="no compression is agreed on, so such frames are none")
async def compressed_frames(target: Target) -> str:
    """`permessage-deflate` offered, and a compressed frame that would be 64 MiB."""
    deflate = zlib.compressobj(wbits=-15)
    bomb = deflate.compress(bytes(64 << 20)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    headers = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    async with target.websocket(headers=headers) as socket:
        await socket.frame(bomb, TEXT | FIN | RSV1)
        return await socket.read_to_end()


@attack(*PROTOCOL, stopped_by=RULES)
async def unmasked_frames(target: Target) -> str:
    """Frames without a mask, which caches on the way might take for an answer."""
    async with target.websocket() as socket:
        await socket.frame(b"40/own,", is_masked=False)
        return await socket.read_to_end()


@attack(*PROTOCOL, stopped_by=RULES)
async def reserved_opcodes(target: Target) -> str:
    """Frames of kinds that do not exist."""
    async with target.websocket() as socket:
        await socket.frame(b"x", FIN | (0x3, 0x7, 0xB, 0xF)[next(target.numbers) % 4])
        return await socket.read_to_end()


@attack(*PROTOCOL, stopped_by=RULES)
async def broken_fragments(target: Target) -> str:
    """A continuation of nothing, a message within a message, a ping in two parts or too long."""
    async with target.websocket() as socket:
        match next(target.numbers) % 4:
            case 0:
                await socket.frame(b"x", FIN | CONTINUATION)
            case 1:
                await socket.frame(b"x", TEXT)
                await socket.frame(b"x", TEXT)
            case 2:
                await socket.frame(b"x", PING)
            case 3:
                await socket.frame(b"x" * 200, FIN | PING)
        return await socket.read_to_end()


@attack("closed 1007", "closed", stopped_by=RULES)
async def invalid_utf8(target: Target) -> str:
    """Text that is no UTF-8, whole or cut through a character."""
    texts = b"4\xff\xfe", b"4\xed\xa0\x80", b"4\xc3", b"4" * 200 + b"\xf8"
    async with target.websocket() as socket:
        await socket.frame(texts[next(target.numbers) % len(texts)])
        return await socket.read_to_end()


@attack("held", "closed", stopped_by="an answer each, and none to who does not read them")
async def ping_flood(target: Target) -> str:
    """Pings of a websocket, as many as go, of 125 bytes; the answers are not read."""
    async with target.websocket() as socket:
        async for _ in target.rounds():
            for _ in range(50):
                await socket.frame(b"x" * 125, FIN | PING)
        return "held"


@attack(
    "closed",
    "closed 1000",
    "1",
    stopped_by="an Engine.IO packet of binary has to belong to an event",
)
async def binary_garbage(target: Target) -> str:
    """Binary frames that no event has announced."""
    async with target.websocket() as socket:
        await socket.frame(bytes(range(256)), FIN | BINARY)
        return await socket.read()
