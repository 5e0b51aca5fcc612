"""What people do in the control room, in Django's log beside all other changes.

Rooms, devices and events are named there, arguments never.
"""

from typing import cast

from asgiref.sync import sync_to_async
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest

from sites.models import Site

MAX_CHARACTERS = 500


async def log_action(request: HttpRequest, site: Site, message: str) -> None:
    user = await request.auser()
    await sync_to_async(_log)(cast("int", user.pk), site, message)


def _log(user_id: int, site: Site, message: str) -> None:
    LogEntry.objects.create(
        user_id=user_id,
        content_type=ContentType.objects.get_for_model(Site),
        object_id=str(site.pk),
        object_repr=site.name,
        action_flag=CHANGE,
        # Clients name their devices, and PostgreSQL keeps no NUL.
        change_message=message.replace("\0", "\\x00")[:MAX_CHARACTERS],
    )
