"""Requests to `/send` that are wrong before their body is read, and their promised answers."""

from typing import NamedTuple

from tests.delivery.http_fixtures import CREDENTIALS, JSON

LIMIT_BYTES = 1_048_576


class Case(NamedTuple):
    """One request and the answer it is to get; `message` is a part of it."""

    status: int
    code: str
    message: str
    body: bytes | object = b'{"rooms": "staff", "event": "x"}'
    content_type: str | None = JSON
    query: str = CREDENTIALS
    method: str = "POST"
    headers: dict[str, str] | None = None


MISSING = "Missing query param 'site' or 'apiKey'."
INVALID = "ApiKey invalid."

METHODS = [
    Case(405, "method_not_allowed", "Only POST", method=method)
    for method in ["GET", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get"]
]
CREDENTIAL_CASES = [
    Case(400, "missing_credentials", MISSING, query=query)
    for query in [
        "",
        "site=newsite",
        "apiKey=54321",
        "site=&apiKey=54321",
        "site=newsite&apiKey=",
        "site=newsite&apikey=54321",
        "site[]=newsite&apiKey=54321",
        "site",
        "&&&",
    ]
] + [
    Case(401, "invalid_api_key", INVALID, query=query)
    for query in [
        "site=newsite&apiKey=5432",
        "site=newsite&apiKey=%3554321",
        "site=other&apiKey=54321",
        "site=NEWSITE&apiKey=54321",
        "site=__proto__&apiKey=54321",
        "site=constructor&apiKey=undefined",
        "site=newsite&site=newsite&apiKey=54321",
        "site=newsite&apiKey=54321&apiKey=54321",
        "site=newsite&apiKey=54321&apiKey=",
        "site=%FF&apiKey=%FF",
        "site=newsite%00&apiKey=54321",
        "site=newsite&apiKey=%ED%A0%80",
        f"site={'n' * 10_000}&apiKey=54321",
    ]
]
HEADER_CASES = [
    Case(401, "invalid_api_key", INVALID, query="site=newsite", headers={"X-Api-Key": "é"}),
    Case(
        401,
        "invalid_api_key",
        INVALID,
        query="site=newsite",
        headers={"Authorization": "Bearer wrong"},
    ),
    Case(
        400,
        "missing_credentials",
        MISSING,
        query="site=newsite",
        headers={"Authorization": "Basic 54321"},
    ),
    Case(
        400,
        "missing_credentials",
        MISSING,
        query="site=newsite",
        headers={"Authorization": "54321"},
    ),
    Case(
        400,
        "missing_credentials",
        MISSING,
        query="site=newsite",
        headers={"Authorization": "Bearer"},
    ),
    Case(400, "invalid_query", "more than 100", query="&".join(["a=1"] * 101)),
    Case(400, "invalid_idempotency_key", "256 characters", headers={"Idempotency-Key": "k" * 257}),
    Case(400, "invalid_request", "cannot be read", query="site=\xff&apiKey=54321"),
]
BODY_CASES = [
    Case(413, "body_too_large", f"{LIMIT_BYTES} bytes", b" " * (LIMIT_BYTES + 1)),
    Case(413, "body_too_large", f"{LIMIT_BYTES} bytes", headers={"Content-Length": "9" * 5000}),
    Case(413, "body_too_large", f"{LIMIT_BYTES} bytes", headers={"Content-Length": "1048577"}),
    # A body longer than announced, or of no announced length at all.
    *[
        Case(
            413,
            "body_too_large",
            f"{LIMIT_BYTES} bytes",
            b" " * (LIMIT_BYTES + 1),
            headers={"Content-Length": length},
        )
        for length in ["", "1", "-1", "x", "1,1"]
    ],
    # Django's own limit, 2.5 MB, answers nothing here.
    Case(413, "body_too_large", f"{LIMIT_BYTES} bytes", b"x" * 3_000_000),
    *[
        Case(415, "unsupported_encoding", "identity", headers={"Content-Encoding": encoding})
        for encoding in ["gzip", "deflate", "br", "identity, gzip", "x"]
    ],
    *[
        Case(415, "unsupported_charset", "utf-8", content_type=content_type)
        for content_type in [
            "application/json; charset=latin1",
            "application/json; charset=utf-16",
            "application/json; charset=nonsense",
            "application/x-www-form-urlencoded; charset=iso-8859-1",
        ]
    ],
    *[
        Case(415, "unsupported_media_type", "application/json or", content_type=content_type)
        for content_type in [
            None,
            "",
            ";",
            "text/plain",
            "text/json",
            "application/jsonp",
            "application/json, application/json",
            "multipart/form-data; boundary=x",
            "application/octet-stream",
            "\xff",
        ]
    ],
    *[
        Case(400, "invalid_request", "Content-Type", content_type=content_type)
        for content_type in [
            "application/json; charset*=bogus'en'utf-8",
            "application/json; charset=\x00",
            "application/json; a*0=1; a*=2",
            "application/json; charset*=undefined''x",
        ]
    ],
]

REQUEST_CASES = [*METHODS, *CREDENTIAL_CASES, *HEADER_CASES, *BODY_CASES]
