"""What `/send` accepts, field by field; what it refuses stands in test_send_malformed."""

import orjson
import pytest

from delivery.bodies import parse_json
from delivery.exceptions import InvalidRequest
from delivery.payloads import SendRequest, parse_send
from tests.delivery.http_fixtures import make_site, sent_args

SITE = make_site()


def parse(**fields: object) -> SendRequest:
    return parse_send({"rooms": ["staff"], "event": "x", **fields}, SITE)


def test_room_may_be_one_string_which_is_not_split() -> None:
    assert parse(rooms="user_1,staff").rooms == ("user_1,staff",)


def test_duplicate_rooms_collapse_in_the_order_given() -> None:
    assert parse(rooms=["b", "a", "b", "c", "a"]).rooms == ("b", "a", "c")


@pytest.mark.parametrize(
    "name", ["r", "r" * 256, "\N{GRINNING FACE}" * 256, "\0", " ", "*", "__proto__"]
)
def test_names_of_up_to_256_code_points_are_accepted(name: str) -> None:
    request = parse(rooms=[name], event=name)
    assert (request.rooms, request.event) == ((name,), name)


def test_thousand_rooms_are_accepted() -> None:
    assert len(parse(rooms=[f"user_{i}" for i in range(1_000)]).rooms) == 1_000


@pytest.mark.parametrize(
    ("given", "args"),
    [
        (["user", {"id": 1}], ["user", {"id": 1}]),
        ([], []),
        ([[1, 2]], [[1, 2]]),
        ({"id": 1}, [{"id": 1}]),
        ("user", ["user"]),
        (7, [7]),
        (False, [False]),
        (None, [None]),
    ],
)
def test_args_that_are_no_list_are_one_argument(given: object, args: list[object]) -> None:
    assert sent_args(parse(args=given)) == args


def test_absent_args_are_none() -> None:
    assert sent_args(parse()) == []


def test_body_that_does_not_say_resync_leaves_it_to_the_query() -> None:
    assert parse().resync is None


@pytest.mark.parametrize(
    "event", ["_batch", "_resync", "_settings", "Connect", "batches", "error "]
)
def test_names_that_mean_something_elsewhere_are_free(event: str) -> None:
    assert parse(event=event).event == event


@pytest.mark.parametrize("event", ["batch", "resync"])
def test_prefixed_site_may_use_the_plain_names(event: str) -> None:
    site = make_site(prefixed_system_events=True)
    assert parse_send({"rooms": "staff", "event": event}, site).event == event


def test_args_may_be_nested_as_deeply_as_they_can_be_written() -> None:
    deepest = orjson.loads("[" * 254 + "]" * 254)
    assert sent_args(parse(args=deepest)) == deepest
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        parse(args=[deepest])


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("9007199254740993", "9007199254740993"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551616", "1.8446744073709552e19"),
        ("0.1", "0.1"),
        ("1e2", "100.0"),
        ("1e-400", "0.0"),
        ('"\\u0000\\u2028\\ud83d\\ude00"', '"\\u0000\N{LINE SEPARATOR}\N{GRINNING FACE}"'),
    ],
)
def test_numbers_and_texts_reach_the_wire_unchanged_or_as_javascript_has_them(
    written: str, sent: str
) -> None:
    fields = parse_json(b'{"rooms": "staff", "event": "x", "args": [' + written.encode() + b"]}")
    text = parse_send(fields, SITE).text
    assert orjson.loads(text) == ["x", orjson.loads(sent)]
    assert text.replace("e+", "e") == f'["x",{sent}]'
