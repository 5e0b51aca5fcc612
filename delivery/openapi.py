"""`/openapi.yaml`: the description of the HTTP interface, for whoever makes clients or tests of it.

A file of the installation, which does not change while the process lives.
"""

import functools
import hashlib
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import etag

from delivery.answers import only_reads

FILE = Path(__file__).parents[1] / "docs" / "openapi.yaml"
MEDIA_TYPE = "application/yaml"  # RFC 9512
MAX_AGE_SECONDS = 3600


@only_reads
@cache_control(public=True, max_age=MAX_AGE_SECONDS)
@etag(lambda request: _etag())
async def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_content(), content_type=MEDIA_TYPE)


@functools.cache
def _content() -> bytes:
    return FILE.read_bytes()


def _etag() -> str:
    return f'"{hashlib.sha256(_content()).hexdigest()[:16]}"'
