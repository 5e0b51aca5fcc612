"""Packets as clients send them, and the query of a namespace among them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from socketio import packet

from delivery.packets import Packet


def decode(text: str) -> Packet:
    return Packet(encoded_packet=text)


def is_malformed(text: str) -> bool:
    try:
        decode(text)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    ("text", "namespace", "data"),
    [
        ("0/newsite", "/newsite", None),
        ("0/newsite,", "/newsite", None),
        ('0/newsite,{"token":"1"}', "/newsite", {"token": "1"}),
        ("0/newsite?token=1", "/newsite", {"token": "1"}),
        ("0/newsite?token=1,", "/newsite", {"token": "1"}),
        ('0/newsite?token=1,{"deviceId":"a"}', "/newsite", {"token": "1", "deviceId": "a"}),
        ('0/newsite?token=old,{"token":"new"}', "/newsite", {"token": "new"}),
        ("0/newsite?token=a%2Cb%26c", "/newsite", {"token": "a,b&c"}),
        ("0/newsite?token=a?b", "/newsite", {"token": "a?b"}),
        ("0/newsite?", "/newsite", None),
        ("0/newsite?,{}", "/newsite", {}),
        ("0/newsite?token", "/newsite", {}),
        ("0/newsite?token=1,[7]", "/newsite", {"token": "1"}),
        ('0/newsite,{"a":"x?token=1"}', "/newsite", {"a": "x?token=1"}),
        ("0", None, None),
        ('0{"token":"1"}', None, {"token": "1"}),
        ('0{"a":"/x?token=1"}', None, {"a": "/x?token=1"}),
    ],
)
def test_query_of_a_namespace_joins_the_auth(text: str, namespace: str | None, data: Any) -> None:
    connect = decode(text)
    assert (connect.packet_type, connect.namespace) == (packet.CONNECT, namespace)
    assert connect.data == data


@pytest.mark.parametrize(
    ("text", "kind", "data"),
    [
        ('2/newsite?token=1,["a"]', packet.EVENT, ["a"]),
        ("1/newsite?token=1,", packet.DISCONNECT, None),
        ("3/newsite?token=1,7[]", packet.ACK, []),
    ],
)
def test_query_means_nothing_in_other_packets(text: str, kind: int, data: Any) -> None:
    other = decode(text)
    assert (other.packet_type, other.namespace, other.data) == (kind, "/newsite", data)


@pytest.mark.parametrize(
    ("text", "ack_id", "data"),
    [
        ("3/newsite,17[]", 17, []),
        ('3/newsite,17["ok"]', 17, ["ok"]),
        ("3/newsite,17", 17, None),
        ("3/newsite,[]", None, []),
    ],
)
def test_ack_has_its_number(text: str, ack_id: int | None, data: Any) -> None:
    ack = decode(text)
    assert (ack.packet_type, ack.id, ack.data) == (packet.ACK, ack_id, data)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "-1",
        "²",
        "0/newsite,{",
        "0/newsite,{'token':1}",
        '0/newsite,{"token":NaN}',
        '0/newsite,{"token":"\\ud800"}',
        '2/newsite,["a"',
        '2/newsite,17["a"]]',
        "3/newsite,²[]",
        f"3/newsite,{'9' * 101}[]",
        f"5{'9' * 11}-/newsite,[]",
        f"2{'[' * 100_000}",
        "2nonsense",
    ],
)
def test_malformed_packet_raises_value_error(text: str) -> None:
    assert is_malformed(text)


@pytest.mark.parametrize("text", ["0/newsite,", '2/newsite,["a"]', "3/newsite,7[]", "1/newsite,"])
def test_well_formed_packet_raises_nothing(text: str) -> None:
    assert not is_malformed(text)


@pytest.mark.parametrize("count", [11, 9_999_999_999])
@pytest.mark.parametrize("kind", [packet.BINARY_EVENT, packet.BINARY_ACK])
def test_packet_that_announces_too_many_attachments_raises_value_error(
    kind: int, count: int
) -> None:
    with pytest.raises(ValueError, match=f"{count} attachments"):
        decode(f'{kind}{count}-/newsite,["a"]')


def test_packet_with_some_attachments_waits_for_them() -> None:
    binary = decode('510-/newsite,["a",{"_placeholder":true,"num":0}]')
    assert [binary.add_attachment(b"x") for _ in range(10)] == [False] * 9 + [True]
    assert binary.data == ["a", b"x"]


def test_namespace_query_of_very_many_parameters_raises_value_error() -> None:
    with pytest.raises(ValueError, match="Max number of fields exceeded"):
        decode("0/newsite?" + "&".join(["a=1"] * 101))


@given(st.text(alphabet='0123456/,?&=-[]{}":abc²', max_size=30))
def test_any_text_is_read_or_raises_value_error(text: str) -> None:
    assert is_malformed(text) or decode(text).packet_type in range(10)


def test_packets_are_written_as_compact_json_that_keeps_every_letter() -> None:
    answer = Packet(packet.CONNECT_ERROR, data={"message": "grüße"}, namespace="/newsite")
    assert answer.encode() == '4/newsite,{"message":"grüße"}'
