"""Whose `X-Forwarded-Proto` is believed: that of `trusted_proxies`, as with `X-Forwarded-For`.

Where none are named it is this machine's own, such as an nginx beside the service: whoever is
here can say nothing untrue by it that harms somebody else. A middleware of settings.py, before
all that ask whether a request came by TLS.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

from delivery.addresses import Addresses

HEADER = "HTTP_X_FORWARDED_PROTO"
THIS_MACHINE = ("127.0.0.0/8", "::1")

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def forwarded_proto(get_response: GetResponse) -> GetResponse:
    proxies = Addresses(settings.CONFIG.trusted_proxies or THIS_MACHINE)
    warned: list[str] = []  # of the first address alone: strangers come by the thousand

    def drop_unless_trusted(request: HttpRequest) -> None:
        peer = str(request.META.get("REMOTE_ADDR", ""))
        if HEADER not in request.META or proxies.trusts(peer):
            return
        del request.META[HEADER]
        if not warned:
            warned.append(peer)
            logger.warning("X-Forwarded-Proto of %s is not believed: see trusted_proxies", peer)

    if iscoroutinefunction(get_response):

        async def pass_async(request: HttpRequest) -> Any:
            drop_unless_trusted(request)
            return await cast("Awaitable[Any]", get_response(request))

        return pass_async

    def pass_on(request: HttpRequest) -> Any:
        drop_unless_trusted(request)
        return get_response(request)

    return pass_on
