"""Attacks by who has a key: a site's backend that means no good, or is broken."""

import json
from itertools import cycle

from tests.attacks.attack import attack
from tests.attacks.target import KEY, LIMITED, OWN, Target, request

QUEUE = (
    "`queue_messages` (10,000) and `queue_bytes` (16 MiB): the queue is dropped, the client told"
)
TURNS = "large bodies are read one at a time, with turns for others between them"
OBJECTS = b'{"rooms":"a","event":"e","args":[' + b",".join([b'{"a":[1,{}]}'] * 79_000) + b"]}"
STRINGS = b'{"rooms":"a","event":"e","args":["' + b"x" * 1_000_000 + b'"]}'
KINDS = cycle([OBJECTS, STRINGS])
BATCH = json.dumps([{"rooms": f"user_b{i}", "event": "e"} for i in range(1000)]).encode()
WIDE = {"rooms": [f"room{i}" for i in range(1000)], "event": "e"}
DEEP_USERS = {"rooms": [f"user_w{i}" for i in range(1000)], "event": "e"}


@attack("200", "413", stopped_by=TURNS, at_once=8)
async def large_bodies_in_a_row(target: Target) -> str:
    """Bodies of a mebibyte, of 79,000 objects or one string, from 8 connections without a pause."""
    return await target.post(f"/send?site={OWN}", next(KINDS))


@attack("413", "400", stopped_by=TURNS, at_once=8)
async def large_forms_in_a_row(target: Target) -> str:
    """Forms of 9,999 parameters with brackets, from 8 connections without a pause."""
    body = b"rooms=a&event=e&" + b"&".join(b"args[%d][a]=%%41%%42" % i for i in range(9999))
    return await target.post(f"/send?site={OWN}", body, "application/x-www-form-urlencoded")


@attack("200", stopped_by="stored in portions, with turns for others between them", at_once=2)
async def large_batches(target: Target) -> str:
    """Batches of 1,000 messages, each for a user who is not there."""
    return await target.post(f"/send/batch?site={OWN}", BATCH)


@attack("200", stopped_by="one announcement for all rooms of a call")
async def thousand_rooms(target: Target) -> str:
    """Messages for 1,000 shared rooms each."""
    return await target.send(WIDE)


@attack("200", stopped_by="stored in portions, with turns for others between them", at_once=2)
async def thousand_users(target: Target) -> str:
    """Messages for 1,000 users each."""
    return await target.send(DEEP_USERS)


@attack("400", stopped_by="1 to 1,000 rooms of 1 to 256 characters")
async def too_many_rooms(target: Target) -> str:
    """10,000 rooms, rooms of 10,000 characters, no rooms, rooms that are no strings."""
    rooms: tuple[object, ...] = (["a"] * 10_000, "a" * 10_000, [], "", [[]], {"$ne": 1}, 7, None)
    return await target.send({"rooms": rooms[next(target.numbers) % len(rooms)], "event": "e"})


@attack(
    "200", stopped_by="any character may be in a name: what is written is JSON, keys are quoted"
)
async def control_characters_in_names(target: Target) -> str:
    """Rooms and events of control characters, quotes, separators, right-to-left marks."""
    names = "\x00", "\x1e", '"],["x', "user_\r\n", "user_{a}{b}", "\u202eadmin", "a,b", "42/calm,"
    name = names[next(target.numbers) % len(names)]
    return await target.send({"rooms": [name], "event": name, "args": [name]})


@attack("400", stopped_by="names of the protocol are reserved")
async def reserved_events(target: Target) -> str:
    """Events that a client library would take for its own."""
    events = "connect", "disconnect", "batch", "resync", "connect_error", "newListener"
    return await target.send({"rooms": "a", "event": events[next(target.numbers) % len(events)]})


@attack("200", "400", stopped_by=QUEUE, at_once=2)
async def queue_overflow(target: Target) -> str:
    """100,000 messages a minute for one user who never comes."""
    return await target.post(
        f"/send/batch?site={OWN}", json.dumps([{"rooms": "user_full", "event": "e"}] * 500).encode()
    )


@attack("200", stopped_by=QUEUE, at_once=2)
async def queue_of_megabytes(target: Target) -> str:
    """Messages of a megabyte for one user who never comes."""
    return await target.post(f"/send?site={OWN}", STRINGS.replace(b'"a"', b'"user_fat"'))


@attack("200", "429", stopped_by="`sends_per_second` of the site: 429")
async def send_flood(target: Target) -> str:
    """As many messages as go, of a site that is limited to 20 a second."""
    return await target.send({"rooms": "a", "event": "e"}, LIMITED)


@attack("200", stopped_by="kept for 5 minutes, some 200 bytes each")
async def idempotency_keys(target: Target) -> str:
    """A new `Idempotency-Key` with each call."""
    headers = {"Idempotency-Key": f"key-{next(target.numbers)}"}
    return await target.post(f"/send?site={OWN}", b'{"rooms":"a","event":"e"}', headers=headers)


@attack("400", "200", stopped_by="at most 256 characters, which are hashed")
async def odd_idempotency_keys(target: Target) -> str:
    """Keys of 10,000 characters, and such as look like keys of Redis."""
    keys = "x" * 10_000, "*", "sioweb:{calm/user_calm}:queue", "\xff" * 200, "a\tb"
    headers = {"Idempotency-Key": keys[next(target.numbers) % len(keys)]}
    return await target.post(f"/send?site={OWN}", b'{"rooms":"a","event":"e"}', headers=headers)


@attack("200", stopped_by="the key belongs to its site, and one call goes on at a time")
async def one_idempotency_key_at_once(target: Target) -> str:
    """The same key in many calls at the same moment, with other messages."""
    body = json.dumps({"rooms": f"user_{next(target.numbers)}", "event": "e"}).encode()
    return await target.post(f"/send?site={OWN}", body, headers={"Idempotency-Key": "same"})


@attack("400", stopped_by="up to 1,000 rooms and devices, up to 90 users")
async def wide_questions(target: Target) -> str:
    """`/disconnect` of 5,000 devices, `/presence` of 99 users."""
    if next(target.numbers) % 2:
        devices = [{"room": f"user_{i}", "device": "x"} for i in range(5000)]
        return await target.post(
            f"/disconnect?site={OWN}", json.dumps({"devices": devices}).encode()
        )
    rooms = "".join(f"&room=user_{i}" for i in range(95))
    return await target.ask(request("GET", f"/presence?site={OWN}{rooms}", {"X-Api-Key": KEY}))
