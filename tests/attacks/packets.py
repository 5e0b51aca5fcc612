"""Attacks with packets of Socket.IO, by a client that a site has let in or that waits for that."""

import json

from tests.attacks.attack import attack
from tests.attacks.bystander import ROOM
from tests.attacks.target import CALM, OWN, Target

EVENTS = "`events` (200 in 10 s): the connection is closed, and nothing more is read of it"
ENDED = ("1", "closed", "closed 1000", "closed 4000")
SENSE = "what makes no sense ends the connection"
BURST = 500


@attack(*ENDED, stopped_by=EVENTS)
async def event_flood(target: Target) -> str:
    """Events as fast as they go, and it does not stop when it is told to."""
    async with target.joined("room") as socket:
        event = f'42/{OWN},["x",1]'
        async for _ in target.rounds():
            for _ in range(BURST):
                await socket.write(event)
        return await socket.read_to_end()


@attack("held", *ENDED, stopped_by="8 MiB in 10 s of one client, then the same")
async def large_event_flood(target: Target) -> str:
    """Events of 900 KB, full of objects, as fast as they go."""
    event = f'42/{OWN},["x",{json.dumps([{"a": [1, {}]}] * 50_000)}]'.encode()
    async with target.joined("room") as socket:
        async for _ in target.rounds():
            await socket.frame(event)
        return "held" if await socket.is_alive() else await socket.read_to_end()


@attack(*ENDED, stopped_by="8 MiB in 10 s of one client, then the same", at_once=2)
async def flood_of_large_packets_that_are_nothing(target: Target) -> str:
    """Packets of 900 KB that are refused one by one, before any namespace."""
    packet = b'42/nowhere,["x","' + b"y" * 900_000 + b'"]'
    async with target.websocket() as socket:
        for _ in range(20):  # more than the limit, however late it began
            await socket.frame(packet)
        return await socket.read_to_end()


@attack("held", *ENDED, stopped_by="each costs less than its way here")
async def pong_flood(target: Target) -> str:
    """Pongs of Engine.IO that nobody has asked for, as fast as they go."""
    async with target.joined("room") as socket:
        async for _ in target.rounds():
            for _ in range(BURST):
                await socket.write("3")
        return "held" if await socket.is_alive() else "closed"


@attack("held", *ENDED, stopped_by="one answer each, bounded as all that is unsent")
async def engine_ping_flood(target: Target) -> str:
    """Pings of Engine.IO from the client's side."""
    async with target.joined("room") as socket:
        async for _ in target.rounds():
            for _ in range(BURST):
                await socket.write("2")
        return "held"


@attack(*ENDED, stopped_by="`namespaces` (100) of one connection, then it is closed")
async def thousands_of_namespaces(target: Target) -> str:
    """5,000 namespaces on one connection, none of which exists."""
    async with target.websocket() as socket:
        for number in range(5000):
            await socket.write(f'40/nowhere{number},{{"token":"room"}}')
        return await socket.read_to_end()


@attack("44", *ENDED, stopped_by="there is no such site: `Invalid namespace`")
async def odd_namespaces(target: Target) -> str:
    """Namespaces of control characters, of 100,000 characters, with paths, quotes and queries."""
    names = (
        "/\x00",
        "/" + "x" * 100_000,
        "/../own",
        '/"own"',
        "/own?token",
        "/\r\nx",
        "/\u202e",
        "/*",
    )
    async with target.websocket() as socket:
        await socket.write(f"40{names[next(target.numbers) % len(names)]},{{}}")
        return (await socket.read())[:2].replace("cl", "closed")


@attack(
    "held",
    *ENDED,
    stopped_by="one connect at a time of a namespace; what is taken back is undone first",
)
async def churn_in_a_namespace(target: Target) -> str:
    """A namespace joined and left 1,000 times on one connection."""
    async with target.websocket() as socket:
        for _ in range(1000):
            await socket.write(f'40/{OWN},{{"token":"user_churn"}}')
            await socket.write(f"41/{OWN},")
        return "held" if await socket.is_alive() else "closed"


@attack(
    *ENDED, stopped_by="at most 10 attachments, kept with the connection and counted as its bytes"
)
async def attachments_that_never_come(target: Target) -> str:
    """Events that announce 10 or a billion attachments, and none of them."""
    number = 10 if next(target.numbers) % 2 else 1_000_000_000
    async with target.joined("room") as socket:
        await socket.write(f'45{number}-/{OWN},["x",{{"_placeholder":true,"num":0}}]')
        await socket.write(f'42/{OWN},["x"]')
        await socket.write(f'42/{OWN},["x"]')
        return await socket.read_to_end()


@attack("held", *ENDED, stopped_by="an ack has to be of a message that this socket was sent")
async def replayed_acks(target: Target) -> str:
    """Acks for what was never sent, was acknowledged before, or was sent to others."""
    async with target.joined("user_acks") as socket:
        for number in range(1000):
            await socket.write(f"43/{OWN},{number}[]")
        for ack_id in ("9" * 15, "9" * 90, "-1", "0x1", "00"):
            await socket.write(f"43/{OWN},{ack_id}[]")
            await socket.write(f"43/{CALM},{ack_id}[]")
        return "held" if await socket.is_alive() else "closed"


@attack("1 left", stopped_by="the same: what waits for a user waits on")
async def foreign_acks(target: Target) -> str:
    """Acks of another user's message, guessed by their small numbers."""
    user = f"user_acked{next(target.numbers)}"
    async with target.joined("user_thief") as thief:
        await target.send({"rooms": user, "event": "e"})
        for number in range(20):
            await thief.write(f"43/{OWN},{number}[]")
        await thief.is_alive()
    async with target.joined(user) as socket:
        batch = await socket.read()
        return "1 left" if '["batch",[["e"]]]' in batch else batch


@attack("44", *ENDED, stopped_by="a namespace is let in by its own site only")
async def room_of_another_site(target: Target) -> str:
    """A client of one site that joins another's namespace with the other's room as a token."""
    async with target.joined(ROOM) as socket:
        answer = await socket.join(CALM, token="not-" + ROOM)
        while answer.startswith(f"42/{OWN},"):  # a message of its own room, sent meanwhile
            answer = await socket.read()
        await socket.write(f'42/{CALM},["m",1]')
        return answer[:2]


@attack(*ENDED, stopped_by=SENSE)
async def deep_packets(target: Target) -> str:
    """Events and credentials of 100,000 brackets within each other."""
    start = (f'42/{OWN},["x",', f"40/{OWN},")[next(target.numbers) % 2]
    async with target.joined("room") as socket:
        await socket.write(start + "[" * 100_000)
        return await socket.read_to_end()


@attack(*ENDED, stopped_by=SENSE)
async def odd_packets(target: Target) -> str:
    """Packets of types that do not exist, without an end, of wrong types, NaN, lone surrogates."""
    packets = (
        *("48", "4", "49/own,", '42/own,{"a":1}', "42/own,[", "42/own,[NaN]", "6", "7x", "x"),
        *('42/own,["\\ud800"]', "42/own,99999999999999999999999[1]", "45-[]", "4" + "9" * 5000),
    )
    async with target.joined("room") as socket:
        await socket.write(packets[next(target.numbers) % len(packets)])
        return await socket.read_to_end() if not await socket.is_alive() else "1"


@attack(
    "held", stopped_by="to whom nothing is sent once it waits in a queue; the queue has its limit"
)
async def acks_that_never_come(target: Target) -> str:
    """A client that gets 1,000 messages and acknowledges none."""
    user = f"user_silent{next(target.numbers)}"
    messages = json.dumps([{"rooms": user, "event": "e"}] * 1000).encode()
    async with target.joined(user) as socket:
        await target.post(f"/send/batch?site={OWN}", messages)
        return "held" if (await socket.read()).startswith("42") else "closed"
