"""Attacks with sessions of Engine.IO: who polls which, how often, and what follows on it."""

import asyncio
import secrets
from contextlib import AsyncExitStack

from tests.attacks.attack import attack
from tests.attacks.target import ANSWER_SECONDS, POLLING, Target, request
from tests.attacks.websocket import Refused

PAYLOAD = "at most 16 packets and `maxHttpBufferSize` (1 MB) in a payload: 400, the session ends"


@attack("400", stopped_by="a sid has 120 random bits")
async def sid_guessing(target: Target) -> str:
    """Polls of sids that might exist."""
    return await target.ask(request("GET", f"{POLLING}&sid={secrets.token_urlsafe(15)}"))


@attack("400", stopped_by="what is no sid of a session is none")
async def odd_sids(target: Target) -> str:
    """Sids of control characters, of 9,000 characters, several at once, and of other types."""
    sids = "%00", "x" * 9000, "a&sid=b", "__proto__", "%0d%0a", "../../x", "[]"
    return await target.ask(
        request("GET", f"{POLLING}&sid={sids[next(target.numbers) % len(sids)]}")
    )


@attack("1 answered", stopped_by="what comes goes to one of them, once")
async def two_polls_of_one_session(target: Target) -> str:
    """Ten polls of one session at once, as somebody would who has seen a sid."""
    sid = await target.open_by_polling()
    asked = (target.ask(request("GET", f"{POLLING}&sid={sid}")) for _ in range(10))
    polls = [asyncio.create_task(each) for each in asked]
    await target.post_packets(sid, b"40/nowhere,")
    done, waiting = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
    for poll in waiting:
        poll.cancel()
    return f"{len(done)} answered"


@attack("400", stopped_by=PAYLOAD)
async def thousands_of_packets(target: Target) -> str:
    """A payload of 50,000 packets."""
    sid = await target.open_by_polling()
    return await target.post_packets(sid, b"\x1e".join([b"2"] * 50_000))


@attack("400", "413", stopped_by=PAYLOAD)
async def large_payload(target: Target) -> str:
    """A payload of 20 MB."""
    sid = await target.open_by_polling()
    start = (
        f"POST {POLLING}&sid={sid} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 20000000\r\n\r\n"
    )
    return await target.flood(start.encode(), b"4" * 65_536, 32 << 20)


@attack("400", "200", stopped_by="what makes no sense ends the session, or is ignored")
async def garbage_by_polling(target: Target) -> str:
    """Payloads that are no packets, bad base64, types that do not exist."""
    bodies = b"garbage", b"\xff\xfe", b"9", b"b!!!", b"4\x1ebad", b"\x1e\x1e", b"44/own", b"8"
    sid = await target.open_by_polling()
    return await target.post_packets(sid, bodies[next(target.numbers) % len(bodies)])


@attack("refused 403", stopped_by="one websocket at a time follows on a session", at_once=2)
async def upgrade_race(target: Target) -> str:
    """Ten websockets that all follow on the same session."""
    sid = await target.open_by_polling()

    async def follow(open_sockets: AsyncExitStack) -> str:
        try:
            websocket = target.websocket(query=f"&sid={sid}")
            socket = await open_sockets.enter_async_context(websocket)
            await socket.write("2probe")
            return await socket.read()
        except Refused as error:
            return f"refused {error}"

    async with AsyncExitStack() as open_sockets:
        answers = await asyncio.gather(*(follow(open_sockets) for _ in range(10)))
    return "refused 403" if answers.count("3probe") <= 1 else f"{answers.count('3probe')} got in"


@attack(
    "closed",
    "closed 1000",
    "3probe",
    "no answer",
    stopped_by="a session that has ended takes no websocket",
)
async def upgrade_of_an_ended_session(target: Target) -> str:
    """A websocket that follows on a session while that ends."""
    sid = await target.open_by_polling()
    async with target.websocket(query=f"&sid={sid}") as socket:
        await socket.write("2probe")
        await target.post_packets(sid, b"1")
        await socket.write("5")
        return await socket.read()


@attack("400", stopped_by="protocol 4 (`EIO=4`) by polling or websocket, nothing else")
async def odd_transports(target: Target) -> str:
    """Other versions, transports that do not exist, JSONP with a script for an index."""
    queries = (
        "EIO=3&transport=polling",
        "EIO=4&transport=flashsocket",
        "transport=polling",
        "EIO=%00",
    )
    if next(target.numbers) % 2:
        return await target.ask(request("GET", f"{POLLING}&j=alert(1)"))
    query = queries[next(target.numbers) % len(queries)]
    return await target.ask(request("GET", f"/socket.io/?{query}"))


@attack("400", "405", stopped_by="GET, POST and OPTIONS")
async def odd_methods_of_sessions(target: Target) -> str:
    """PUT and DELETE of a session."""
    method = ("PUT", "DELETE", "PATCH")[next(target.numbers) % 3]
    sid = await target.open_by_polling()
    return await target.ask(request(method, f"{POLLING}&sid={sid}"))


@attack("closed", stopped_by="a poll that nobody waits for any more is forgotten", at_once=16)
async def polls_that_are_left(target: Target) -> str:
    """Polls whose client hangs up at once, again and again."""
    sid = await target.open_by_polling()
    for _ in range(10):
        async with target.connected() as (_, writer):
            writer.write(request("GET", f"{POLLING}&sid={sid}"))
            await writer.drain()
    async with asyncio.timeout(ANSWER_SECONDS):
        await target.post_packets(sid, b"1")
    return "closed"
