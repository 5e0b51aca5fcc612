"""The user inspector: what a room is like, what waits there, and what people do about it.

Reads through `delivery.inspection`. An action is done in Redis where it has to be kept, and
announced to the processes that have the room's clients.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.defaultfilters import pluralize
from django.views.decorators.http import require_POST, require_safe

from delivery.answers import answers_errors, json_answer
from delivery.exceptions import InvalidRequest
from delivery.feeds import REQUESTED
from delivery.inspection import DeviceState, RoomState
from delivery.names import show_id
from delivery.payloads import MAX_CHARACTERS
from delivery.queue_values import Device
from delivery.service import service
from sioweb_project.control.access import find_site, for_staff
from sioweb_project.control.log import log_action
from sites.access import MANAGE_CLIENTS, VIEW_ARGUMENTS, VIEW_SITE, may
from sites.models import Site

Action = Callable[[Device], Awaitable[str]]


@require_safe
@answers_errors
@for_staff
async def look(request: HttpRequest) -> HttpResponse:
    """Answer what a room is like."""
    site = await find_site(request, request.GET.get("site", ""), VIEW_SITE)
    room = read_room(request.GET.get("room", ""))
    state = await service().inspection.look(site.name, room)
    user = await request.auser()
    snapshot = service().registry.get(site.name)
    answer = _describe(state) | {
        "is_user_room": snapshot is not None and snapshot.is_user_room(room),
        "may_manage": await sync_to_async(may)(user, site, MANAGE_CLIENTS),
        "may_view_arguments": await sync_to_async(may)(user, site, VIEW_ARGUMENTS),
    }
    return json_answer(answer)


@require_safe
@answers_errors
@for_staff
async def arguments(request: HttpRequest) -> HttpResponse:
    """Answer the arguments of one waiting message, and write down who has read them."""
    site, device = await _find_device(request, request.GET, VIEW_ARGUMENTS)
    seq = _read_seq(request.GET.get("seq", ""))
    text = await service().inspection.read_text(device, seq)
    if text is None:
        raise InvalidRequest(404, "not_waiting", "This message waits no more.")
    await log_action(request, site, f"Read the arguments of message {seq} of {_name(device)}")
    return json_answer({"ok": True, "args": orjson.loads(text)[1:]})


@require_POST
@answers_errors
@for_staff
async def act(request: HttpRequest) -> HttpResponse:
    """Do one of ACTIONS to a device of a room."""
    site, device = await _find_device(request, request.POST, MANAGE_CLIENTS)
    action = ACTIONS.get(request.POST.get("action", ""))
    if action is None:
        raise InvalidRequest(400, "invalid_action", f"action: expected {', '.join(ACTIONS)}.")
    done = await action(device)
    await log_action(request, site, done)
    return json_answer({"ok": True, "message": done})


async def _disconnect(device: Device) -> str:
    await service().backplane.announce_disconnects(device.site, [(device.room, device.id)])
    return f"Disconnected {_name(device)}"


async def _clear(device: Device) -> str:
    count = await service().queues.clear(device)
    return f"Cleared the queue of {_name(device)}: {count:,} message{pluralize(count)}"


async def _resync(device: Device) -> str:
    done = await service().inspection.request_resync(device)
    await service().backplane.announce_resync(device, REQUESTED, done.epoch, done.seq)
    return f"Asked {_name(device)} for a resync"


ACTIONS: dict[str, Action] = {"disconnect": _disconnect, "clear": _clear, "resync": _resync}


def _describe(state: RoomState) -> dict[str, Any]:
    return {"now": state.now_ms, "seq": state.seq, "devices": list(map(_row, state.devices))}


def _row(device: DeviceState) -> dict[str, Any]:
    return {
        "id": show_id(device.id),
        "is_online": device.is_online,
        "seen_at": device.seen_until_ms,
        "waiting": device.waiting,
        "bytes": device.waiting_bytes,
        "resync": device.resync_reason,
        "messages": device.messages,
    }


def _name(device: Device) -> str:
    return f"{device.room}, {f'device {device.id}' if device.id else 'the client without deviceId'}"


async def _find_device(
    request: HttpRequest, fields: QueryDict, permission: str
) -> tuple[Site, Device]:
    site = await find_site(request, fields.get("site", ""), permission)
    return site, Device(site.name, read_room(fields.get("room", "")), fields.get("device", ""))


def read_room(room: str) -> str:
    if not 1 <= len(room) <= MAX_CHARACTERS:
        message = f"room: expected 1 to {MAX_CHARACTERS} characters."
        raise InvalidRequest(400, "invalid_room", message)
    return room


def _read_seq(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidRequest(400, "invalid_seq", "seq: expected a number.")
    return int(text)
