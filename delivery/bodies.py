"""The body of a `/send` request: its size, its encoding, its type, and its fields.

Between `credentials` and `payloads`: what comes out is a mapping of fields that
`payloads` checks one by one.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import orjson
from django.conf import settings
from django.http import HttpRequest

from delivery.exceptions import InvalidRequest
from delivery.forms import parse_form

LIMIT_BYTES: int = settings.CONFIG.send_body_limit_bytes
DIGITS = re.compile("[0-9]+")
MAX_LENGTH_DIGITS = 19  # of a Content-Length worth reading
UTF8_BOM = b"\xef\xbb\xbf"
UTF8_NAMES = frozenset({"", "utf-8", "utf8"})  # "" = no charset was named

MAX_MESSAGES = 1_000  # of a batch

Fields = Mapping[str, object]
T = TypeVar("T")


def read_fields(request: HttpRequest) -> Fields:
    """Return the fields of a JSON or form body: one message.

    1. longer than LIMIT_BYTES, announced or in fact: 413
    2. compressed, of another type or in another charset: 415
    3. not what its type says: 400
    Raises InvalidRequest.
    """
    return _parse(request, PARSERS)


def read_messages(request: HttpRequest) -> list[object]:
    """Return the entries of a JSON list, not looked at yet; refuses as `read_fields` does."""
    return _parse(request, LIST_PARSERS)


def parse_json(body: bytes) -> Fields:
    """Parse a JSON object. Raises InvalidRequest.

    orjson refuses what no client could read back: NaN, 1e999, lone surrogates,
    bad UTF-8, more than 1,024 levels. Numbers come out as a browser would have
    them or better: integers stay exact up to 64 bits (JavaScript: 53) and become
    the nearest double past that, as in JavaScript. A byte order mark is skipped,
    as Express did.
    """
    fields = _load(body, "a JSON object")
    if not isinstance(fields, dict):
        raise _malformed("Body: expected a JSON object.")
    return fields


def parse_json_list(body: bytes) -> list[object]:
    """Parse a JSON list of at most MAX_MESSAGES. Raises InvalidRequest."""
    expected = f"a JSON list of at most {MAX_MESSAGES} messages"
    entries = _load(body, expected)
    if not isinstance(entries, list) or len(entries) > MAX_MESSAGES:
        raise _malformed(f"Body: expected {expected}.")
    return entries


def parse_form_fields(body: bytes) -> Fields:
    """Parse a form, and refuse JSON, which `curl -d` and others call one. Raises InvalidRequest."""
    if body.lstrip().startswith(b"{"):
        message = "Body: JSON needs the header Content-Type: application/json."
        raise InvalidRequest(status=400, code="malformed_form", message=message)
    return parse_form(body)


PARSERS: dict[str, Callable[[bytes], Fields]] = {
    "application/json": parse_json,
    "application/x-www-form-urlencoded": parse_form_fields,
}
LIST_PARSERS: dict[str, Callable[[bytes], list[object]]] = {"application/json": parse_json_list}


def _parse(request: HttpRequest, parsers: Mapping[str, Callable[[bytes], T]]) -> T:
    body = _read_limited(request)
    _check_encoding(request)
    parse = parsers.get(request.content_type or "")
    if parse is None:
        message = f"Content-Type: expected {' or '.join(parsers)}."
        raise InvalidRequest(status=415, code="unsupported_media_type", message=message)
    return parse(body)


def _load(body: bytes, expected: str) -> object:
    if not body:
        raise _malformed(f"Body: empty, expected {expected}.")
    try:
        return orjson.loads(body.removeprefix(UTF8_BOM))
    except orjson.JSONDecodeError as error:
        raise _malformed(f"Body: not valid JSON, {error}.") from error


def _read_limited(request: HttpRequest) -> bytes:
    """Read past Django's own limit, which knows neither this one nor this answer."""
    if _announced_bytes(request) <= LIMIT_BYTES:
        body = request.read(LIMIT_BYTES + 1)
        if len(body) <= LIMIT_BYTES:
            return body
    message = f"Body: more than {LIMIT_BYTES} bytes."
    raise InvalidRequest(status=413, code="body_too_large", message=message)


def _announced_bytes(request: HttpRequest) -> float:
    length = request.META.get("CONTENT_LENGTH", "").strip()
    if not DIGITS.fullmatch(length):
        return 0  # the body itself will tell
    return int(length) if len(length) < MAX_LENGTH_DIGITS else math.inf


def _check_encoding(request: HttpRequest) -> None:
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding not in ("", "identity"):
        message = "Content-Encoding: only identity is accepted."
        raise InvalidRequest(status=415, code="unsupported_encoding", message=message)
    charset = (request.content_params or {}).get("charset", "")  # its name in small letters
    if charset.strip().lower() not in UTF8_NAMES:
        message = "Content-Type: only the charset utf-8 is accepted."
        raise InvalidRequest(status=415, code="unsupported_charset", message=message)


def _malformed(message: str) -> InvalidRequest:
    return InvalidRequest(status=400, code="malformed_json", message=message)
