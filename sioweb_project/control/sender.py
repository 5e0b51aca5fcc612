"""The test sender: a message on the same way as from `/send`, and what became of it.

The session stands in for the API key; every check behind it is that of `/send`.
"""

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from delivery.answers import answers_errors, json_answer
from delivery.exceptions import InvalidRequest
from delivery.inspection import Progress
from delivery.names import show_id
from delivery.payloads import parse_send
from delivery.service import service
from sioweb_project.control.access import find_site, for_staff
from sioweb_project.control.log import log_action
from sites.access import SEND_TEST
from sites.snapshots import SiteSnapshot

MAX_FOLLOWED = 10  # rooms


@require_POST
@answers_errors
@for_staff
async def send(request: HttpRequest) -> HttpResponse:
    """Publish the body of a `/send`; answer as it does, and name the rooms that can be followed."""
    row = await find_site(request, request.GET.get("site", ""), SEND_TEST)
    site = _snapshot(row.name)
    message = parse_send(_read_body(request), site)
    outcome = await service().publisher.publish(site, message, resync=False)
    rooms = ", ".join(message.rooms)
    await log_action(request, row, f"Sent test message {outcome.id}, {message.event} to {rooms}")
    followed = [room for room in message.rooms if site.is_user_room(room)][:MAX_FOLLOWED]
    keeps = bool(site.user_room_prefix)
    return json_answer({"answer": outcome.content(), "followed": followed, "has_user_rooms": keeps})


@require_safe
@answers_errors
@for_staff
async def progress(request: HttpRequest) -> HttpResponse:
    """Answer how far a message has got with each device of a user room."""
    row = await find_site(request, request.GET.get("site", ""), SEND_TEST)
    room, message_id = request.GET.get("room", ""), request.GET.get("id", "")
    if not (room and message_id.isascii() and message_id.isdigit()):
        raise InvalidRequest(400, "invalid_message", "room, id: expected those of a message.")
    devices = await service().inspection.follow(row.name, room, message_id)
    return json_answer([_state(each) for each in devices])


def _state(each: Progress) -> dict[str, str]:
    waits = "sent" if each.is_online else "queued"
    state = waits if each.is_waiting else "acked"
    return {"device": show_id(each.device), "state": state}


def _snapshot(name: str) -> SiteSnapshot:
    site = service().registry.get(name)
    if site is None:
        raise InvalidRequest(409, "site_disabled", "The site is disabled: /send refuses its keys.")
    return site


def _read_body(request: HttpRequest) -> object:
    if len(request.body) > settings.CONFIG.send_body_limit_bytes:
        limit = settings.CONFIG.send_body_limit_bytes
        raise InvalidRequest(413, "body_too_large", f"The body is larger than {limit} bytes.")
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(400, "invalid_json", f"The body is no JSON: {error}.") from error
