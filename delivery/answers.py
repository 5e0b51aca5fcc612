"""What every HTTP answer of the service looks like, and which failure gets which.

Used by the views, those of the project's pages too, and `handler`. Whatever goes wrong inside
a view leaves as one JSON shape:
`{"ok": false, "error": {"code": "invalid_event", "message": "event: expected ..."}}`.
"""

import functools
import logging
from collections.abc import Callable, Coroutine, Mapping
from http.cookies import SimpleCookie
from typing import Concatenate, ParamSpec

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import ResponseHeaders
from django.utils.functional import cached_property

from delivery.exceptions import BackplaneUnavailable, InvalidRequest, RedisUnavailable

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 1
JSON = "application/json"
JSON_HEADER = (b"Content-Type", JSON.encode())

Path = ParamSpec("Path")  # what the URL's pattern has found
View = Callable[Concatenate[HttpRequest, Path], Coroutine[None, None, HttpResponse]]


class JsonAnswer(HttpResponse):
    """Django's response, made in a fifth of the time: what it has besides its text and status is
    made when somebody asks for it."""

    def __init__(self, text: bytes, status: int) -> None:
        """Django's own is not called, but all that it sets is there."""
        self._container = [text]
        self._charset = self._reason_phrase = self._handler_class = None
        self._resource_closers: list[Callable[[], None]] = []
        self.closed = False
        self.status_code = status

    @cached_property
    def headers(self) -> ResponseHeaders:  # type: ignore[override]
        return ResponseHeaders({"Content-Type": JSON})

    @cached_property
    def cookies(self) -> SimpleCookie:  # type: ignore[override]
        return SimpleCookie()

    @property
    def has_own_headers(self) -> bool:
        """Whether it may have others than its type."""
        return "headers" in vars(self)


def json_answer(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    answer = JsonAnswer(orjson.dumps(content), status)
    for name, value in (headers or {}).items():
        answer[name] = value
    return answer


def encode_headers(answer: HttpResponse) -> list[tuple[bytes, bytes]]:
    if isinstance(answer, JsonAnswer) and not answer.has_own_headers:
        return [JSON_HEADER]
    return [(name.encode(), value.encode("latin-1")) for name, value in answer.items()]


def error_answer(status: int, code: str, message: str) -> HttpResponse:
    return refusal_answer(InvalidRequest(status, code, message))


def refusal_answer(error: InvalidRequest) -> HttpResponse:
    return json_answer(error.content(), error.status, error.headers)


def unknown_path_answer() -> HttpResponse:
    return error_answer(404, "not_found", "There is no such page.")


def method_answer(request: HttpRequest, allowed: str) -> HttpResponse:
    """Answer a method that is not the allowed one; OPTIONS as Express did."""
    if request.method == "OPTIONS":
        answer = HttpResponse(allowed, content_type="text/plain")
    else:
        answer = error_answer(405, "method_not_allowed", f"Only {allowed} is allowed.")
    answer["Allow"] = allowed
    return answer


def only_reads(view: View[Path]) -> View[Path]:
    """As Django's `require_safe`, whose answer to another method is an empty page."""

    @functools.wraps(view)
    async def reading(
        request: HttpRequest, /, *args: Path.args, **kwargs: Path.kwargs
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return method_answer(request, "GET, HEAD")
        return await view(request, *args, **kwargs)

    return reading


def answers_errors(view: View[Path]) -> View[Path]:
    """Make each exception of `view` an answer, so that no stack trace leaves the service."""

    @functools.wraps(view)
    async def guarded(
        request: HttpRequest, /, *args: Path.args, **kwargs: Path.kwargs
    ) -> HttpResponse:
        try:
            return await view(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001, each has its answer
            return failure_answer(request, error)

    return guarded


def failure_answer(request: HttpRequest, error: Exception) -> HttpResponse:
    """Log what is more than a refusal."""
    if isinstance(error, InvalidRequest):
        return refusal_answer(error)
    if isinstance(error, RedisUnavailable | BackplaneUnavailable):
        logger.warning("%s answered with 503: %s", request.path, error)
        return _unavailable()
    logger.error("%s failed", request.path, exc_info=error)
    return error_answer(500, "internal_error", "The service failed; its log says why.")


def _unavailable() -> HttpResponse:
    answer = error_answer(503, "unavailable", "Redis is out of reach, try again.")
    answer["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer
