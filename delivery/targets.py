"""Which clients a site's backend means: the rooms and devices of `/disconnect` and `/presence`.

Beside `payloads`, in whose manner every refusal says where and what.
"""

from collections.abc import Mapping, Sequence

from delivery.exceptions import InvalidRequest
from delivery.handshake import MAX_DEVICE_ID_LENGTH
from delivery.payloads import MISSING, invalid, parse_name, parse_rooms
from sites.snapshots import SiteSnapshot

MAX_DEVICES = 1_000
MAX_PRESENCE_ROOMS = 90  # a query has at most 100 parameters

Target = tuple[str, str | None]
"""A room, and the id of a device or None = all clients in the room."""


def parse_targets(fields: Mapping[str, object]) -> list[Target]:
    """Return the clients of `rooms` and `devices`, each once. Raises InvalidRequest."""
    rooms, devices = fields.get("rooms", MISSING), fields.get("devices", MISSING)
    if rooms is MISSING and devices is MISSING:
        message = "rooms, devices: expected at least one of them."
        raise InvalidRequest(status=400, code="invalid_rooms", message=message)
    targets: list[Target] = []
    if rooms is not MISSING:
        targets += [(room, None) for room in parse_rooms(rooms)]
    if devices is not MISSING:
        targets += _parse_devices(devices)
    return list(dict.fromkeys(targets))


def parse_user_rooms(rooms: Sequence[str], site: SiteSnapshot) -> list[str]:
    """Return the rooms of a query, each once. Raises InvalidRequest."""
    names = list(dict.fromkeys(rooms))
    if not 1 <= len(names) <= MAX_PRESENCE_ROOMS:
        message = f"Query param 'room': expected 1 to {MAX_PRESENCE_ROOMS} of them."
        raise InvalidRequest(status=400, code="invalid_rooms", message=message)
    for name in names:
        parse_name("invalid_rooms", "Query param 'room'", name)
        if not site.is_user_room(name):
            raise invalid("invalid_rooms", "Query param 'room'", "a user room", name)
    return names


def _parse_devices(value: object) -> list[Target]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_DEVICES:
        expected = f"a list of 1 to {MAX_DEVICES} objects"
        raise invalid("invalid_devices", "devices", expected, value)
    return [_parse_device(f"devices[{i}]", each) for i, each in enumerate(value)]


def _parse_device(place: str, value: object) -> Target:
    if not isinstance(value, Mapping):
        raise invalid("invalid_devices", place, 'an object such as {"room", "device"}', value)
    room, device = value.get("room", MISSING), value.get("device", MISSING)
    if not isinstance(device, str) or len(device) > MAX_DEVICE_ID_LENGTH:
        expected = f"a string of at most {MAX_DEVICE_ID_LENGTH} characters"
        raise invalid("invalid_devices", f"{place}.device", expected, device)
    return parse_name("invalid_devices", f"{place}.room", room), device
