"""Tells a site that a user has come online or gone: a PUT to its `updateUserUrl`.

Called by `user_updates`. Its connections are not those of `site_auth`: a site that is slow to
take it in holds up no connect. What is denied to the one is denied to the other.
"""

from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import quote

import aiohttp
from yarl import URL

from delivery import names
from delivery.call_failures import in_words
from delivery.exceptions import UpdateFailed
from delivery.outgoing import AddressDenied, open_session
from delivery.timestamps import to_text
from sites.networks import DenyList
from sites.registry import SiteSnapshot

CALL_TIMEOUT_SECONDS = 10.0
MAX_CALLS = 100  # at once, to all sites together
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
        self._deny_list = deny_list
        self._session: aiohttp.ClientSession | None = None

    async def put(self, site: SiteSnapshot, update: Update) -> None:
        """Return once the site has taken it, with any 2xx. Raises UpdateFailed."""
        url = _url(site, user_id(site, update.room))
        try:
            async with self._open_session().put(
                url, json=body(site, update), allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error.__cause__, AddressDenied):
                raise UpdateFailed(ADDRESS_DENIED, is_definite=True) from error
            raise UpdateFailed(in_words(error), is_definite=False) from error
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            is_passing = status in TRY_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR
            raise UpdateFailed(f"The site answered {status}", is_definite=not is_passing)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = open_session(self._deny_list, CALL_TIMEOUT_SECONDS, MAX_CALLS)
        return self._session


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


def _url(site: SiteSnapshot, own_id: str) -> URL:
    """Raises UpdateFailed for an id that would name another path."""
    if not own_id.strip("."):
        raise UpdateFailed(f"{own_id!r} is no id of a user", is_definite=True)
    quoted = quote(own_id, safe="", errors=names.ERRORS)
    return URL(site.update_user_url.replace(ID_MARK, quoted, 1))
