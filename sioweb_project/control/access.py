"""Who is at a page of the control room, and whether they may do what they ask for there.

The rules themselves are in `sites.access`. Raises PermissionDenied for a site that does not
exist as for one that is somebody else's: the answer tells nobody which.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TypeAlias, TypeVar

from asgiref.sync import sync_to_async
from django.contrib import auth
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from delivery.answers import error_answer
from sites.access import VIEW_SITE, User, may, sees_all, visible_sites
from sites.live_connection import with_live_connection
from sites.models import Site

Response = TypeVar("Response", bound=HttpResponseBase)
View: TypeAlias = Callable[[HttpRequest], Coroutine[None, None, Response | HttpResponse]]


def for_staff(view: View[Response]) -> View[Response]:
    """Answer 403 in JSON to whoever is not logged in to the admin, or may not do this."""

    @wraps(view)
    async def checked(request: HttpRequest) -> Response | HttpResponse:
        try:
            _check_staff(await request.auser())
            return await view(request)
        except PermissionDenied as error:
            return error_answer(403, "forbidden", str(error) or "You may not do this.")

    return checked


async def find_site(request: HttpRequest, name: str, permission: str) -> Site:
    """Return the site if the user has this permission there. Raises PermissionDenied."""
    return await sync_to_async(site_for)(await request.auser(), name, permission)


def site_for(user: User, name: str, permission: str) -> Site:
    """Raises PermissionDenied."""
    # PostgreSQL fails of a text with a NUL, which no name has.
    site = None if "\0" in name else visible_sites(user).filter(name=name).first()
    if site is None or not may(user, site, permission):
        raise PermissionDenied("There is no such site, or you may not do this with it.")
    return site


def check_view(user: User, name: str) -> None:
    """Let the user see the figures of a site, "" = of all. Raises PermissionDenied."""
    if name:
        site_for(user, name, VIEW_SITE)
    elif not may_see_all(user):
        raise PermissionDenied("Choose one of your sites.")


def may_see_all(user: User) -> bool:
    return sees_all(user) and isinstance(user, AbstractUser) and user.has_perm(VIEW_SITE)


async def is_still_allowed(session_key: str, site_name: str) -> bool:
    """Whether this session may go on to see these figures: it may have ended since, and its user
    may have lost the right to."""
    return await sync_to_async(with_live_connection)(_is_allowed, session_key, site_name)


def _is_allowed(session_key: str, site_name: str) -> bool:
    request = HttpRequest()
    request.session = SessionStore(session_key)
    user = auth.get_user(request)
    try:
        _check_staff(user)
        check_view(user, site_name)
    except PermissionDenied:
        return False
    return True


def _check_staff(user: User) -> None:
    if not (isinstance(user, AbstractUser) and user.is_active and user.is_staff):
        raise PermissionDenied("Log in first.")
