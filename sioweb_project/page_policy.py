"""What a browser may do with the pages: the headers beside Django's own.

For settings.py. `/send` and its like do not come this way (`delivery.handler`).
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

ADMIN = "/admin/"
# Everything that a page needs comes from this service, and nothing is inline. `'self'` covers
# the websockets of the same host.
POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
# unfold is built on Alpine, which makes functions of attributes, and writes its colours and
# some widths as styles. No script may be inline here either.
OF_ADMIN: dict[str, list[str]] = {
    "img-src": [SELF, "data:"],
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
}
# No page uses any of these; what is copied to the clipboard is not among them.
DENIED_FEATURES = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in DENIED_FEATURES)

GetResponse = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def page_policy(get_response: GetResponse) -> GetResponse:
    """Stand within CSPMiddleware, which reads what is noted here, and around whatever sets
    cookies."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return guarded(request, await cast("Awaitable[Any]", get_response(request)))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return guarded(request, get_response(request))

    return answer


def guarded(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
    if request.path_info.startswith(ADMIN):
        response._csp_replace = OF_ADMIN  # type: ignore[attr-defined]
    if request.is_secure():
        for cookie in response.cookies.values():
            cookie["secure"] = True
    return response
