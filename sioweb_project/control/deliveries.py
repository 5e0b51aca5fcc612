"""The last deliveries of a user room, and the receipt of each: what its devices did with it.

For the user inspector. Reads through `delivery.receipts`; no argument is among what is noted.
"""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from delivery.answers import answers_errors, json_answer
from delivery.exceptions import InvalidRequest
from delivery.receipt_values import Receipt
from delivery.service import service
from delivery.views import UNKNOWN_MESSAGE
from sioweb_project.control.access import find_site, for_staff
from sioweb_project.control.inspector import read_room
from sites.access import VIEW_SITE


@require_safe
@answers_errors
@for_staff
async def recent(request: HttpRequest) -> HttpResponse:
    """Answer the last messages of a room, newest first."""
    site = await find_site(request, request.GET.get("site", ""), VIEW_SITE)
    room = read_room(request.GET.get("room", ""))
    receipts = service().receipts
    messages = await receipts.recent(site.name, room) if receipts.is_on else []
    rows = [_row(each, room) for each in messages]
    return json_answer({"is_on": receipts.is_on, "messages": rows})


@require_safe
@answers_errors
@for_staff
async def receipt(request: HttpRequest) -> HttpResponse:
    """Answer what GET /messages/<id> would."""
    site = await find_site(request, request.GET.get("site", ""), VIEW_SITE)
    found = await service().receipts.find(site.name, request.GET.get("id", ""))
    if found is None:
        raise InvalidRequest(404, "unknown_message", UNKNOWN_MESSAGE)
    return json_answer(found.answer())


def _row(each: Receipt, room: str) -> dict[str, object]:
    noted = each.noted
    devices = [device.answer() for device in each.rooms.get(room, ())]
    return {"id": noted.id, "event": noted.event, "at": noted.at_ms, "devices": devices}
