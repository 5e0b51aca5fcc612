"""Which clients a site's backend means."""

from typing import Any

import pytest

from delivery.exceptions import InvalidRequest
from delivery.targets import parse_targets, parse_user_rooms
from tests.delivery.http_fixtures import make_site

PHONE = {"room": "user_1", "device": "phone"}


@pytest.mark.parametrize(
    ("fields", "targets"),
    [
        ({"rooms": "staff"}, [("staff", None)]),
        ({"rooms": ["user_1", "staff", "user_1"]}, [("user_1", None), ("staff", None)]),
        ({"devices": [PHONE, PHONE]}, [("user_1", "phone")]),
        ({"devices": [{"room": "user_1", "device": ""}]}, [("user_1", "")]),
        ({"rooms": ["staff"], "devices": [PHONE]}, [("staff", None), ("user_1", "phone")]),
    ],
)
def test_rooms_and_devices_are_read(fields: dict[str, Any], targets: list[Any]) -> None:
    assert parse_targets(fields) == targets


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "rooms, devices: expected at least one of them."),
        ({"room": "staff"}, "rooms, devices: expected at least one of them."),
        (
            {"rooms": []},
            "rooms: expected a string or a list of 1 to 1000 strings, got a list of 0.",
        ),
        ({"rooms": [7]}, "rooms[0]: expected a string of 1 to 256 characters, got 7."),
        ({"devices": PHONE}, "devices: expected a list of 1 to 1000 objects, got an object."),
        ({"devices": []}, "devices: expected a list of 1 to 1000 objects, got a list of 0."),
        (
            {"devices": ["phone"]},
            'devices[0]: expected an object such as {"room", "device"}, got "phone".',
        ),
        (
            {"devices": [PHONE, {"room": "user_1"}]},
            "devices[1].device: expected a string of at most 256 characters, got nothing.",
        ),
        (
            {"devices": [{"device": "phone"}]},
            "devices[0].room: expected a string of 1 to 256 characters, got nothing.",
        ),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_targets(fields)
    assert (caught.value.status, caught.value.message) == (400, message)


def test_rooms_of_a_query_are_read_once_each() -> None:
    assert parse_user_rooms(["user_1", "user_2", "user_1"], make_site()) == ["user_1", "user_2"]


@pytest.mark.parametrize(
    ("rooms", "got"),
    [
        ([], "expected 1 to 90 of them."),
        ([f"user_{number}" for number in range(91)], "expected 1 to 90 of them."),
        (["user_1", "staff"], 'expected a user room, got "staff".'),
        ([""], 'expected a string of 1 to 256 characters, got "".'),
    ],
)
def test_wrong_rooms_of_a_query_are_named(rooms: list[str], got: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_user_rooms(rooms, make_site())
    assert caught.value.message == f"Query param 'room': {got}"
