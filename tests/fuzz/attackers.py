"""What is done to a service over the wire, one input or a connection full of them at a time.

Each returns how many inputs it was; what it finds it reports. A TimeoutError is a hang.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tests.faults.lean_client import HANDSHAKE
from tests.fuzz import packets
from tests.fuzz.bodies import any_request
from tests.fuzz.chance import Chance
from tests.fuzz.findings import Findings
from tests.fuzz.line import count_statuses, line_to
from tests.fuzz.packets import Packet

MOST_REQUESTS = 12  # in a row
SOCKET_IO = "/socket.io/?EIO=4&transport="
JOIN, JOINED = '40/newsite,{"token":"fuzz"}', b"40/newsite,"
OPENED = b'"sid":"'
CLOSE_FRAME = b"\x88"  # how one begins
BYE = packets.frame(packets.CLOSE, b"\x03\xe8")
POLL_KINDS = ["malformed packets", "namespaces", "foreign acks", "attachments"]
CLOSING = {"Connection": "close"}
FRAMING = {"content-length", "transfer-encoding", "connection", "expect", "upgrade"}


@dataclass
class Attackers:
    port: int
    findings: Findings

    async def send_requests(self, chance: Chance, number: int) -> int:
        """Requests whose frame is right: each gets an answer."""
        requests = [any_request(chance)[1] for _ in range(chance.randint(1, MOST_REQUESTS))]
        for request in requests:
            plain = replace(request, headers=_without_framing(request.headers) | CLOSING)
            heard = await self._exchange(plain.wire())
            if not self._count(number, heard, plain):
                self.findings.report("requests", number, "no answer", plain)
        return len(requests)

    async def send_bytes(self, chance: Chance, number: int) -> int:
        """What only looks like requests, in pieces."""
        wire = b"".join(any_request(chance)[1].wire() for _ in range(chance.randint(1, 3)))
        wire = chance.mutate(wire)
        async with line_to(self.port) as line:
            for piece in chance.pieces(wire):
                await line.write(piece)
            self._count(number, await line.rest(), wire)
        return 1

    def over_websocket(self, kind: str) -> Callable[[Chance, int], Awaitable[int]]:
        async def attack(chance: Chance, number: int) -> int:
            tried = packets.MAKERS[kind](chance)
            await self._talk(chance, number, packets.frames(tried), tried)
            return len(tried)

        return attack

    async def send_broken_frames(self, chance: Chance, number: int) -> int:
        tried = packets.broken_frames(chance)
        async with line_to(self.port) as line:
            await line.write(HANDSHAKE)
            await line.until(OPENED)
            for each in tried:
                await line.write(each)
            self._count(number, await line.rest(), tried)
        return len(tried)

    async def poll(self, chance: Chance, number: int) -> int:
        """A session by polling: payloads of many packets, and one poll after them."""
        opening = await self._exchange(_get(f"{SOCKET_IO}polling"))
        sid = opening.partition(OPENED)[2].partition(b'"')[0].decode("latin-1")
        url, tried = f"{SOCKET_IO}polling&sid={sid}", list[Packet]([JOIN])
        for _ in range(chance.randint(1, 3)):
            tried += packets.MAKERS[chance.choice(POLL_KINDS)](chance)[: chance.choice([15, 400])]
        step = chance.choice([3, 15, 16, 17, 400])
        for start in range(0, len(tried), step):
            body = packets.payload(chance, tried[start : start + step])
            self._count(number, await self._exchange(_post(url, body)), body)
        await self._exchange(_post(url, packets.FENCE.encode()))  # what follows has an answer
        self._count(number, await self._exchange(_get(url)), url)
        self._count(number, await self._exchange(_post(url, b"1")), url)
        return len(tried)

    async def _talk(self, chance: Chance, number: int, frames: bytes, tried: object) -> None:
        """A websocket: what is written between joining and leaving is answered, or ends it."""
        async with line_to(self.port) as line:
            await line.write(HANDSHAKE)
            if not await line.until(OPENED):
                self.findings.report("websocket", number, "not opened", bytes(line.heard))
            if chance.is_lucky(0.6):
                await line.write(packets.frames([JOIN]))
                await line.until(JOINED, CLOSE_FRAME)
            for piece in chance.pieces(frames, 3):
                await line.write(piece)
            await line.write(packets.frames([packets.FENCE]))
            await line.until(packets.FENCE_ANSWER, CLOSE_FRAME)
            await line.write(BYE)
            self._count(number, await line.rest(), tried)

    async def _exchange(self, request: bytes) -> bytes:
        async with line_to(self.port) as line:
            await line.write(request)
            return await line.closed()

    def _count(self, number: int, heard: bytes, tried: object) -> int:
        statuses = count_statuses(self.findings, heard)
        for status in statuses:
            if status >= 500:
                self.findings.report("over the wire", number, f"answered with {status}", tried)
        return len(statuses)


def _without_framing(headers: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name.lower() not in FRAMING}


def _get(url: str) -> bytes:
    return f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()


def _post(url: str, body: bytes) -> bytes:
    head = f"POST {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
