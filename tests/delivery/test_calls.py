"""Calls of scripts and the commands they become; and rooms that share a script."""

import asyncio
import re
from typing import Any

import hiredis
from redis.asyncio import Redis

from delivery import names
from delivery.calls import Call, commands_of, replies_of
from delivery.message import Message
from delivery.queue_values import Device
from delivery.queues import Queues
from delivery.scripts import SHAS
from tests.delivery.queue_fixtures import SITE

SHARED = ("now", "ttl")
GONE = ConnectionError("gone")


def ack(room: str, *args: str) -> Call:
    return Call("acknowledge", (room,), args, SHARED)


def parsed(packed: bytes) -> list[str]:
    reader = hiredis.Reader(encoding="utf-8")
    reader.feed(packed)
    words: Any = reader.gets()
    return list(words)


def test_a_call_is_a_command_with_what_is_shared_first() -> None:
    [command] = commands_of([Call("read", ("room", "other"), ("a", 1), SHARED)], 50)
    words = ["EVALSHA", SHAS["read"], "2", "room", "other", *SHARED, "a", "1"]
    assert (parsed(command.packed), command.rooms) == (words, 0)


def test_rooms_of_one_script_share_a_command_each_with_its_arguments() -> None:
    [command] = commands_of([ack("one", "a", "b"), ack("two", "c", "d")], 50)
    head = ["EVALSHA", SHAS["acknowledge"], "2", "one", "two", *SHARED]
    assert parsed(command.packed) == [*head, "a", "b", "c", "d"]
    assert command.rooms == 2


def test_commands_keep_the_order_of_calls_and_are_not_without_end() -> None:
    other_ttl = Call("acknowledge", ("six",), (), ("now", "other ttl"))
    read = Call("read", ("four",), (), SHARED)
    calls = [ack("one"), ack("two"), ack("three"), read, ack("five"), other_ttl]
    commands = commands_of(calls, 2)
    assert [each.rooms for each in commands] == [2, 1, 0, 1, 1]
    keys = [parsed(each.packed)[3] for each in commands]
    assert keys == ["one", "three", "four", "five", "six"]


def test_each_call_has_its_reply_and_a_failed_command_is_that_of_all_its_calls() -> None:
    commands = commands_of([ack("one"), ack("two"), Call("read", ("three",), ()), ack("four")], 50)
    assert replies_of(commands, [["1", "2"], ["3"], ["4"]]) == ["1", "2", ["3"], "4"]
    assert replies_of(commands, [GONE, ["3"], ["4"]]) == [GONE, GONE, ["3"], "4"]


async def test_what_fails_in_one_room_is_done_in_the_others(redis: Redis, queues: Queues) -> None:
    """Of three senders whose messages share a script."""
    rooms = ("user_1", "user_2", "user_3")
    await redis.set(names.room_key("sioweb", SITE, "user_2"), "no room at all")
    message = Message.build("7", "greet", [], False, rooms)
    appends = (queues.append(SITE, [room], message) for room in rooms)
    first, failure, third = await asyncio.gather(*appends, return_exceptions=True)
    assert re.match("script append failed: WRONGTYPE", str(failure))
    assert isinstance(first, list)
    assert isinstance(third, list)
    for room in ("user_1", "user_3"):
        assert len((await queues.open(Device(SITE, room, ""))).messages) == 1
