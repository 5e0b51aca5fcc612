"""The request of `/send`: it is Django's in all that a view may look at."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from hypothesis import given
from hypothesis import strategies as st

from delivery.direct_request import DirectRequest

SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/send",
    "query_string": b"site=newsite&apiKey=54321",
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"4")],
}
NAMES = ("content-type", "content-length", "x-api-key", "x_api_key", "cookie", "host", "x-\xe4")
ADDRESSES = st.sampled_from([None, ("127.0.0.1", 4711), ("/run/sioweb.sock", None)])
LINES = st.tuples(
    st.sampled_from([name.encode("latin-1") for name in NAMES]),
    st.sampled_from(
        [b"", b"1", b"text/plain; charset=latin-1", b"text/plain;charset=none", b"\xe4"]
    ),
)


def attributes(request: ASGIRequest) -> dict[str, Any]:
    return {name: value for name, value in vars(request).items() if name != "_stream"}


def make(scope: Mapping[str, Any], body: bytes = b"body") -> DirectRequest:
    return DirectRequest(scope, BytesIO(body))


@given(
    st.sampled_from(["GET", "post"]),
    st.sampled_from(["/send", "/push/send"]),
    st.sampled_from([None, "", "/push"]),
    ADDRESSES,
    ADDRESSES,
    st.lists(LINES, max_size=5),
)
def test_request_is_as_django_makes_it(
    method: str, path: str, root: str | None, client: Any, server: Any, lines: list[Any]
) -> None:
    scope = {**SCOPE, "method": method, "path": path, "headers": lines}
    scope |= {"client": client, "server": server} | ({} if root is None else {"root_path": root})
    request, theirs = make(scope), ASGIRequest(scope, BytesIO(b"body"))
    assert attributes(request) == attributes(theirs)
    assert request.headers == theirs.headers
    assert (request.encoding, request.GET, request.COOKIES) == (
        theirs.encoding,
        theirs.GET,
        theirs.COOKIES,
    )


def test_body_is_read_as_any() -> None:
    assert make(SCOPE).body == b"body"
    assert make(SCOPE).read(3) == b"bod"


@pytest.mark.parametrize(
    "broken",
    [
        {"query_string": b"site=\xff"},
        {"headers": [(b"content-type", b"text/plain; charset*=bogus''x")]},
        {"headers": [(b"content-type", b"text/plain; a*0=1;a*=2")]},
    ],
)
def test_what_django_cannot_read_is_an_error_here_as_there(broken: dict[str, Any]) -> None:
    for kind in (DirectRequest, ASGIRequest):
        with pytest.raises((ValueError, TypeError)):
            kind({**SCOPE, **broken}, BytesIO())
