"""Nobody past the login without the second factor that is asked for.

A middleware of settings.py, there only if `admin.second_factor` is not `off`. It stands
before every view below /admin/, whoever wrote it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import urlencode

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import sync_and_async_middleware

from sioweb_project.second_factor.devices import has_device

ADMIN = "/admin/"
PAGE = "second_factor"
OPEN_PAGES = ("admin:login", "admin:logout", "admin:jsi18n", PAGE)  # needed on the way in

GetResponse = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def gate(get_response: GetResponse) -> GetResponse:
    """Stand after OTPMiddleware."""
    if iscoroutinefunction(get_response):

        async def pass_async(request: HttpRequest) -> Any:
            detour = await sync_to_async(detour_of)(request)
            return detour or await cast("Awaitable[Any]", get_response(request))

        return pass_async

    def pass_on(request: HttpRequest) -> Any:
        return detour_of(request) or get_response(request)

    return pass_on


def detour_of(request: HttpRequest) -> HttpResponse | None:
    """Return the way to the page of the second factor, None for who may go on."""
    path = request.path_info
    if not path.startswith(ADMIN) or path in map(reverse, OPEN_PAGES) or not must_show(request):
        return None
    following = request.get_full_path() if request.method == "GET" else reverse("admin:index")
    return HttpResponseRedirect(f"{reverse(PAGE)}?{urlencode({'next': following})}")


def must_show(request: HttpRequest) -> bool:
    user: Any = request.user
    if not user.is_authenticated or user.is_verified():
        return False
    return settings.CONFIG.admin.second_factor == "required" or has_device(user)
