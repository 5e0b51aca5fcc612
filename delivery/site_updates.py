"""Tells a site that a user has come online or gone: a PUT to its `updateUserUrl`.

Called by `user_updates`. Its connections are not those of `site_auth`: a site that is slow to
take it in holds up no connect. What is denied to the one is denied to the other.
"""

import json
from asyncio import Semaphore
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import quote

from delivery import names
from delivery.exceptions import UpdateFailed
from delivery.site_client import CallDenied, SiteClient
from delivery.site_connection import CallFailed
from delivery.timestamps import to_text
from sites.networks import DenyList
from sites.snapshots import SiteSnapshot

CALL_TIMEOUT_SECONDS = 10.0
MAX_CALLS = 100  # at once, to all sites together
# Firewalls in front of sites refuse calls without `Accept`.
JSON_HEADERS = {"Content-Type": "application/json", "Accept": "*/*"}
ID_MARK = ":id"  # the first in the URL stands for the user's id, as in the Node service
ADDRESS_DENIED = "Its address is in auth_url_deny"
TRY_AGAIN = frozenset({408, 425, 429})  # and 500 or more


class Update(NamedTuple):
    """`at_ms`: when the user came or went."""

    room: str
    is_online: bool
    at_ms: int


class SiteUpdates:
    def __init__(self, deny_list: DenyList) -> None:
        self._client = SiteClient(deny_list, CALL_TIMEOUT_SECONDS)
        self._gate = Semaphore(MAX_CALLS)

    async def put(self, site: SiteSnapshot, update: Update) -> None:
        """Return once the site has taken it, with any 2xx. Raises UpdateFailed."""
        url = _url(site, user_id(site, update.room))
        content = json.dumps(body(site, update)).encode()
        try:
            async with self._gate:
                status = (await self._client.put(url, JSON_HEADERS, content)).status
        except CallDenied as error:
            raise UpdateFailed(ADDRESS_DENIED, is_definite=True) from error
        except CallFailed as error:
            raise UpdateFailed(str(error), is_definite=False) from error
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            is_passing = status in TRY_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR
            raise UpdateFailed(f"The site answered {status}", is_definite=not is_passing)

    def close(self) -> None:
        self._client.close()


def body(site: SiteSnapshot, update: Update) -> dict[str, object]:
    """`id` and `user` are what the Node service sent."""
    time = to_text(update.at_ms)
    return {
        "id": user_id(site, update.room),
        "user": {"last_connected" if update.is_online else "last_disconnected": time},
        "room": update.room,
        "online": update.is_online,
        "time": time,
    }


def user_id(site: SiteSnapshot, room: str) -> str:
    return room.removeprefix(site.user_room_prefix)


def _url(site: SiteSnapshot, own_id: str) -> str:
    """Raises UpdateFailed for an id that would name another path."""
    if not own_id.strip("."):
        raise UpdateFailed(f"{own_id!r} is no id of a user", is_definite=True)
    quoted = quote(own_id, safe="", errors=names.ERRORS)
    return site.update_user_url.replace(ID_MARK, quoted, 1)
