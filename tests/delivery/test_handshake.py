"""What a connecting client brings, in which of two ways."""

from typing import Any

import pytest

from delivery.exceptions import AuthRefused
from delivery.handshake import MAX_DEVICE_ID_LENGTH, Credentials, read_credentials

NOTHING = Credentials("", "")
BOTH = Credentials("12345", "phone")


@pytest.mark.parametrize(
    ("query", "auth"),
    [
        ("EIO=4&transport=websocket&token=12345&deviceId=phone", None),
        ("EIO=4&transport=websocket", {"token": "12345", "deviceId": "phone"}),
        ("EIO=4&token=12345", {"deviceId": "phone"}),
        ("EIO=4&deviceId=phone", {"token": "12345"}),
    ],
    ids=["query", "auth", "device in auth", "token in auth"],
)
def test_token_and_device_come_in_the_query_or_in_auth(query: str, auth: object) -> None:
    assert read_credentials(query, auth) == BOTH


def test_auth_comes_before_the_query() -> None:
    query = "token=old&deviceId=laptop"
    assert read_credentials(query, {"token": "12345", "deviceId": "phone"}) == BOTH


@pytest.mark.parametrize("nothing", ["", None, [], {}, False, True, ["12345"], {"token": 1}])
def test_auth_without_text_leaves_the_word_to_the_query(nothing: object) -> None:
    auth = {"token": nothing, "deviceId": nothing}
    assert read_credentials("token=12345&deviceId=phone", auth) == BOTH
    assert read_credentials("", auth) == NOTHING


@pytest.mark.parametrize(("number", "text"), [(12345, "12345"), (0, "0"), (-7, "-7"), (1.5, "1.5")])
def test_numbers_are_read_as_their_text(number: float, text: str) -> None:
    credentials = read_credentials("", {"token": number, "deviceId": number})
    assert credentials == Credentials(text, text)


@pytest.mark.parametrize("auth", [None, "12345", 12345, ["token", "12345"], True])
def test_auth_that_is_no_object_counts_as_none(auth: Any) -> None:
    assert read_credentials("", auth) == NOTHING
    assert read_credentials("token=12345&deviceId=phone", auth) == BOTH


@pytest.mark.parametrize(
    ("query", "token"),
    [
        ("", ""),
        ("token", ""),
        ("token=", ""),
        ("Token=12345", ""),
        ("token=a%2Bb%3D%26c", "a+b=&c"),
        ("token=a+b", "a b"),
        ("token=gr%C3%BC%C3%9Fe", "grüße"),
        ("token=%FF", "\N{REPLACEMENT CHARACTER}"),
        ("token=%0D%0A", "\r\n"),
        ("token=first&token=second", "first"),
        ("token=a=b", "a=b"),
        ("&&&token=12345&", "12345"),
        ("%74oken=12345", "12345"),
    ],
)
def test_query_is_read_as_browsers_write_it(query: str, token: str) -> None:
    assert read_credentials(query, None).token == token


def test_query_of_more_parameters_than_anyone_needs_counts_as_none() -> None:
    flood = "&".join(f"x{number}=1" for number in range(100))
    assert read_credentials(f"token=12345&{flood}", None) == NOTHING
    assert read_credentials(f"token=12345&{flood[:-6]}", None).token == "12345"
    assert read_credentials(f"token=old&{flood}", {"token": "12345"}).token == "12345"


@pytest.mark.parametrize("place", ["query", "auth"])
def test_device_id_of_the_greatest_length_passes_and_a_longer_one_is_refused(place: str) -> None:
    def read(device_id: str) -> Credentials:
        if place == "auth":
            return read_credentials("", {"deviceId": device_id})
        return read_credentials(f"deviceId={device_id}", None)

    longest = "x" * MAX_DEVICE_ID_LENGTH
    assert read(longest).device_id == longest
    with pytest.raises(AuthRefused, match="deviceId has more than 256 characters") as refusal:
        read(longest + "x")
    assert refusal.value.code is None
