"""Django's ASGI handler, in two forms: for every page, and for what sites' backends call.

Both are made sure of one thing: no request's headers can crash them. Django reads the
query and `Content-Type` before any middleware or view runs; what it raises there would
leave as the server's own 500. For the ASGI application.
"""

from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from typing import IO, Any, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.exception import response_for_exception
from django.http import HttpResponse, HttpResponseBase
from django.urls import ResolverMatch, resolve

from delivery.answers import encode_headers, error_answer
from delivery.bodies import LIMIT_BYTES
from delivery.direct_request import DirectRequest
from delivery.http_answers import takes_whole_answers
from delivery.large_bodies import LARGE_BYTES, LargeBodies

Created = tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]
Scope = dict[str, Any]

URLCONF = "delivery.urls"


class CarefulHandler(ASGIHandler):
    def create_request(self, scope: Mapping[str, Any], body_file: IO[bytes]) -> Created:
        """Answer 400 where Django cannot make a request.

        That is a query with bytes that are no UTF-8, and a `Content-Type` with encoded
        parameters that cannot be read, such as `charset*=bogus''x` or `a*0=1;a*=2`.
        """
        try:
            request, _ = super().create_request(scope, body_file)
        except (ValueError, TypeError):
            request = None
        if request is None:
            message = "The query or the Content-Type header cannot be read."
            return None, error_answer(400, "invalid_request", message)
        return request, None


class Handler(CarefulHandler):
    """For pages: no form of theirs is larger than what Django reads of one. Its own way is to
    write all that comes to a file, whoever sends it, before anybody looks."""

    async def read_body(self, receive: Any) -> IO[bytes]:
        body = await read_body(receive, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        if body is None:
            raise RequestAborted
        return BytesIO(body)

    def create_request(self, scope: Mapping[str, Any], body_file: IO[bytes]) -> Created:
        if len(body_file.read()) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return None, error_answer(413, "body_too_large", "The body is too large.")
        body_file.seek(0)
        return super().create_request(scope, body_file)


class DirectHandler(CarefulHandler):
    """For `delivery.urls`: the request, its view and the answer, and nothing around them.

    Django's own way takes a thread for each middleware and each signal of a request. These
    views are async, use no session, no cookie and, but for /readyz, no database.
    """

    request_class = DirectRequest

    def __init__(self) -> None:
        super().__init__()
        self._large_bodies = LargeBodies()
        self._is_any_host_allowed = settings.ALLOWED_HOSTS == ["*"]

    def load_middleware(self, is_async: bool = False) -> None:
        """There is none."""

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        body = await read_body(receive, LIMIT_BYTES)
        if body is None:
            return
        if len(body) > LARGE_BYTES:
            await self._large_bodies.wait_for_turn()
        request, answer = self.create_request(scope, BytesIO(body))
        if request is not None:
            refusal = None if self._is_any_host_allowed else _refuse_host(request)
            answer = refusal or await _view(request)
        is_whole = takes_whole_answers(scope)
        for event in _events(cast("HttpResponse", answer), is_whole=is_whole):
            await send(event)


async def read_body(receive: Any, limit_bytes: int) -> bytes | None:
    """Return the body, or as much as shows that it is too large; None = the sender hung up."""
    parts: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        parts.append(event.get("body", b""))
        size += len(parts[-1])
        if not event.get("more_body", False) or size > limit_bytes:
            return b"".join(parts)


async def _view(request: ASGIRequest) -> HttpResponseBase:
    try:
        match = find_view(request.path_info)
        answer: HttpResponseBase = await match.func(request, *match.args, **match.kwargs)
    except Exception as error:  # noqa: BLE001, as Django around each of its views
        return await sync_to_async(response_for_exception)(request, error)
    return answer


@lru_cache(maxsize=100)
def find_view(path: str) -> ResolverMatch:
    """Raises Resolver404. Django's resolver takes 15 µs, and these paths are few."""
    return resolve(path, URLCONF)


def _events(answer: HttpResponse, *, is_whole: bool) -> list[dict[str, Any]]:
    body = answer.content
    headers = encode_headers(answer)
    headers.append((b"Content-Length", b"%d" % len(body)))
    start = {"type": "http.response.start", "status": answer.status_code, "headers": headers}
    if is_whole:
        start["body"] = body
        return [start]
    return [start, {"type": "http.response.body", "body": body}]


def _refuse_host(request: ASGIRequest) -> HttpResponse | None:
    """What CommonMiddleware does for all other pages."""
    try:
        request.get_host()
    except DisallowedHost:
        return error_answer(400, "invalid_host", "The Host header is none of allowed_hosts.")
    return None
