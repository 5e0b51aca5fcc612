"""The calls that the control room's pages make, and what the log of the admin says afterwards."""

from django.contrib.admin.models import LogEntry
from django.test import Client

ROOM = "site=newsite&room=user_1&device=phone"
LOOK = f"/admin/control/inspector/look?{ROOM}"
ARGUMENTS = f"/admin/control/inspector/arguments?{ROOM}&seq=4"
ACT = "/admin/control/inspector/act"
SEND = "/admin/control/sender/send?site=newsite"
PROGRESS = "/admin/control/sender/progress?site=newsite&room=user_1&id=77"
RECENT = "/admin/control/inspector/recent?site=newsite&room=user_1"
RECEIPT = "/admin/control/inspector/receipt?site=newsite&id=77"
FIGURES = "/admin/control/live/figures?site=newsite"

MESSAGE = {"rooms": ["user_1", "all"], "event": "hello", "args": [1]}


def act(client: Client, action: str = "clear", **fields: str) -> int:
    data = {"site": "newsite", "room": "user_1", "device": "phone", "action": action} | fields
    return client.post(ACT, data).status_code


def send(client: Client, message: object = MESSAGE) -> int:
    return client.post(SEND, message, content_type="application/json").status_code


def logged() -> list[str]:
    return [entry.change_message for entry in LogEntry.objects.order_by("pk")]
