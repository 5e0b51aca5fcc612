"""The form of the log: one line a record, whatever is in it."""

import io
import json
import logging
import sys
from datetime import UTC, datetime
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from sioweb_project.log_lines import FirstOfAMinute, JsonLines, Lines, Record, TextLines

SITES = MappingProxyType({"site": "a"})  # a mapping that is no dict
CONTROLS = [*map(chr, range(0x20)), "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\u202e", "\ud800"]


def record(text: str, *args: Any, failure: BaseException | None = None) -> logging.LogRecord:
    trace = None if failure is None else (type(failure), failure, failure.__traceback__)
    made = logging.LogRecord("delivery.publish", logging.INFO, "", 0, text, args, trace)
    made.created = datetime(2026, 1, 2, 3, 4, 5, 678_900, UTC).timestamp()
    return made


def written(formatter: logging.Formatter, made: logging.LogRecord) -> str:
    """What reaches stderr."""
    stream = io.BytesIO()
    handler = Lines(SimpleNamespace(buffer=stream))
    handler.setFormatter(formatter)
    handler.emit(made)
    return stream.getvalue().decode()


def raised(text: str) -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


@pytest.mark.parametrize("args", [(), ("a",), ("a", "b"), ({"site": "a"},), ({},), (SITES,)])
@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR, 7])
def test_a_record_is_as_stdlib_makes_it(args: tuple[Any, ...], level: int) -> None:
    said = ("delivery", level, "(unknown file)", 0, "text", args, None, "(unknown function)", None)
    times = {"created": 0.0, "msecs": 0.0, "relativeCreated": 0.0}
    own, stdlib = vars(Record(*said)), vars(logging.LogRecord(*said))
    assert own | times == stdlib | times
    assert abs(own["created"] - stdlib["created"]) < 1
    assert own["msecs"] == float(int(own["created"] % 1 * 1000))
    assert abs(own["relativeCreated"] - stdlib["relativeCreated"]) < 60_000


def test_json_has_the_text_and_its_fields() -> None:
    made = record("Site %(site)s: message %(message)s", {"site": "newsite", "message": "753"})
    assert json.loads(written(JsonLines(), made)) == {
        "timestamp": "2026-01-02T03:04:05.678Z",
        "level": "info",
        "logger": "delivery.publish",
        "event": "Site newsite: message 753",
        "site": "newsite",
        "message": "753",
    }


def test_a_field_does_not_take_the_place_of_what_each_line_has() -> None:
    made = record("%(level)s", {"level": "forged", "event": "forged", "timestamp": "forged"})
    line = json.loads(written(JsonLines(), made))
    assert line["level"] == "info"
    assert line["event"] == "forged"  # its own text
    assert line["timestamp"].startswith("2026")


def test_json_has_a_failure_as_text() -> None:
    line = json.loads(written(JsonLines(), record("failed", failure=raised("why"))))
    assert line["exception"].startswith("Traceback (most recent call last)")
    assert line["exception"].endswith("ValueError: why")


@pytest.mark.parametrize("value", [b"bytes", {1: 2}, {3}, object, ValueError("why"), 2**80])
def test_a_field_of_any_type_is_written(value: object) -> None:
    assert "field" in json.loads(written(JsonLines(), record("x", {"field": value})))


def test_a_field_of_any_name_is_written() -> None:
    fields = {1: "one", (2, 3): "two", "level": "forged"}
    line = json.loads(written(JsonLines(), record("%s", fields)))
    assert (line["1"], line["(2, 3)"], line["level"]) == ("one", "two", "info")


def test_a_name_of_any_type_is_written_within_a_field() -> None:
    fields = {"field": {UUID(int=1): "one"}, "half": "a"}
    line = json.loads(written(JsonLines(), record("%(half)s", fields)))
    assert line["field"] == {"00000000-0000-0000-0000-000000000001": "one"}


def test_text_is_as_it_always_was() -> None:
    line = written(TextLines(), record("Site %(site)s", {"site": "newsite"}))
    assert line.endswith(":04:05,678 INFO delivery.publish: Site newsite\n")


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()])
@pytest.mark.parametrize("character", CONTROLS, ids=lambda each: f"{ord(each):04x}")
def test_no_character_of_a_name_begins_a_line_or_moves_the_cursor(
    formatter: logging.Formatter, character: str
) -> None:
    room = f"user_1{character}2026-01-02 03:04:05,678 ERROR delivery.publish: forged"
    for made in (record("room %s", room), record("room %(room)s", {"room": room})):
        line = written(formatter, made)
        assert line.count("\n") == 1
        assert line.removesuffix("\n").isprintable()


def test_json_gives_a_name_back_as_it_was() -> None:
    room = "".join(CONTROLS)
    assert json.loads(written(JsonLines(), record("%(room)s", {"room": room})))["room"] == room


def test_no_line_of_a_failure_looks_like_one_of_the_log() -> None:
    forged = "2026-01-02 03:04:05,678 ERROR delivery.publish: forged"
    made = record("failed", failure=raised(f"why\n{forged}\r{forged}\u2028{forged}"))
    first, *others = written(TextLines(), made).splitlines()
    assert first.endswith("failed")
    assert all(line.startswith("    ") for line in others)
    assert written(JsonLines(), made).count("\n") == 1


def test_a_record_that_cannot_be_written_is_no_failure_of_its_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert written(JsonLines(), record("%d", "no number")) == ""


def test_of_what_is_tried_again_and_again_a_line_a_minute_is_told() -> None:
    seldom = FirstOfAMinute()
    told = []
    for second in (0, 1, 59, 60, 61, 120):
        made = record("no connection")
        made.created = 1_000 + second
        told.append(seldom.filter(made))
    assert told == [True, False, False, True, False, True]
