"""The live view's numbers: server-sent events, one a second, for as long as somebody may look.

A stream ends with the browser, with the session, with the right to see the site, and with the
process: the browser then comes again by itself, and finds another process or a refusal.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import lru_cache

import orjson
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from delivery.answers import error_answer
from delivery.live import MAX_VIEWERS, TooManyViewers
from delivery.service import service
from delivery.statistics import Figures
from sioweb_project.control.access import check_view, for_staff, is_still_allowed
from sioweb_project.control.series import to_json
from sites.live_connection import with_live_connection

CHECK_SECONDS = 3.0  # how long a stream outlives its session

News = AsyncGenerator[Figures | None, None]


@require_safe
@for_staff
async def figures(request: HttpRequest) -> HttpResponseBase:
    site_name = request.GET.get("site", "")
    user = await request.auser()
    # Closes this request's database connection as well, which would be held by the stream.
    await sync_to_async(with_live_connection)(check_view, user, site_name)
    news = service().live.watch(site_name, user.get_username())
    try:
        first = await anext(news, None)
    except TooManyViewers as error:
        return error_answer(503, "too_many_viewers", f"{error}.")
    events = _events(first, news, request.session.session_key or "", site_name)
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx would collect events before it passes them on
    return response


async def _events(
    first: Figures | None, news: News, session_key: str, site_name: str
) -> AsyncIterator[bytes]:
    checked_at = time.monotonic()
    async with aclosing(news):
        yield _event(first)
        async for each in news:
            if time.monotonic() - checked_at > CHECK_SECONDS:
                if not await is_still_allowed(session_key, site_name):
                    return
                checked_at = time.monotonic()
            yield _event(each)


@lru_cache(MAX_VIEWERS)
def _event(figures: Figures | None) -> bytes:
    """Encode a reading once for all who look at it.

    >>> _event(None)
    b'data: null\\n\\n'
    """
    return b"data: " + orjson.dumps(None if figures is None else to_json(figures)) + b"\n\n"
