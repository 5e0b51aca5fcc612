"""What sites' backends say and ask about their clients: `/disconnect` and `/presence`.

Beside `views`, with the same credentials, errors and order of checks; no database either.
"""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from delivery.answers import answers_errors, json_answer, method_answer
from delivery.bodies import read_fields
from delivery.credentials import authenticate, read_query
from delivery.names import show_id
from delivery.presence import DevicePresence, UserPresence
from delivery.service import service
from delivery.targets import parse_targets, parse_user_rooms
from delivery.timestamps import to_text


@csrf_exempt
@answers_errors
async def disconnect(request: HttpRequest) -> HttpResponse:
    """Have clients disconnected in every process; their site is asked anew when they come back.

    How many that are is not counted: it would take an answer of each process.
    """
    if request.method != "POST":
        return method_answer(request, "POST")
    site = authenticate(request, read_query(request), service())
    targets = parse_targets(read_fields(request))
    await service().backplane.announce_disconnects(site.name, targets)
    return json_answer({"ok": True, "targets": len(targets)})


@csrf_exempt
@answers_errors
async def presence(request: HttpRequest) -> HttpResponse:
    """Answer who is online, of the users whose rooms are asked for."""
    if request.method != "GET":
        return method_answer(request, "GET")
    query = read_query(request)
    site = authenticate(request, query, service())
    rooms = parse_user_rooms(query.get("room", []), site)
    found = await service().presence.find(site.name, rooms)
    return json_answer({"ok": True, "rooms": list(map(_describe_user, found))})


def _describe_user(user: UserPresence) -> dict[str, object]:
    return {
        "room": user.room,
        "online": user.is_online,
        "since": _describe_time(user.since_ms),
        "devices": list(map(_describe_device, user.devices)),
    }


def _describe_device(device: DevicePresence) -> dict[str, object]:
    return {
        "device": show_id(device.id),
        "online": device.is_online,
        "since": _describe_time(device.since_ms),
    }


def _describe_time(ms: int) -> str | None:
    return to_text(ms) if ms else None
