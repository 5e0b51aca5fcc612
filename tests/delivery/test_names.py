import re

import pytest
from redis.crc import key_slot

from delivery import names

ODD_NAMES = ["", "}", "{", "{}", "a}b{c", "/", "ü ☃", "*", "a\0b", "\ud800", "%7D"]


def slot(key: str) -> int:
    return key_slot(key.encode(errors=names.ERRORS))


@pytest.mark.parametrize("prefix", ["sioweb", "{}", "a}b{"])
@pytest.mark.parametrize("room", ODD_NAMES)
def test_all_keys_of_a_room_are_in_one_slot_and_rooms_in_others(prefix: str, room: str) -> None:
    keys = [
        names.room_key(prefix, "newsite", room),
        names.devices_key(prefix, "newsite", room),
        names.once_key(prefix, "newsite", room, "a key"),
        *(names.queue_key(prefix, "newsite", room, device) for device in ODD_NAMES),
    ]
    assert len({slot(key) for key in keys}) == 1
    assert slot(names.room_key(prefix, "newsite", room + "1")) != slot(keys[0])


def test_no_two_rooms_of_any_sites_share_a_key_or_a_group() -> None:
    pairs = [(site, room) for site in ODD_NAMES for room in ODD_NAMES]
    assert len({names.room_key("sioweb", *pair) for pair in pairs}) == len(pairs)
    assert len({names.group_name(*pair) for pair in pairs}) == len(pairs)


@pytest.mark.parametrize("name", [*ODD_NAMES, "x" * 256])
def test_group_name_is_what_channels_allows(name: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9\-_.]{1,99}", names.group_name(name, name))
