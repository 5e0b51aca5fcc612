"""What `io` in config.yml may hold: Socket.IO's and Engine.IO's server options.

In milliseconds and bytes, as in the file; io_config.py makes seconds of them. May
import options.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, Tag, model_validator

from sioweb_project.options import (
    MAPPING,
    MAX_INT32,
    VALUE,
    MappingOrValue,
    Options,
    YesNo,
    conflict,
)

# RFC 6265: what a cookie's name may be; an attribute's value may have no ";" nor controls.
COOKIE_NAME = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
COOKIE_VALUE = r"^[^;\x00-\x1f\x7f]*$"
PATH = re.compile(r"/[A-Za-z0-9_.~/-]*[A-Za-z0-9_.~-]/?")
# What the service serves itself, beside Socket.IO.
OWN_PATHS = (
    *("/admin", "/demo", "/disconnect", "/healthcheck", "/messages", "/metrics"),
    *("/openapi.yaml", "/presence", "/readyz", "/send", "/static"),
)
ORIGIN = re.compile(r"(https?|[a-z][a-z0-9+.-]*)://[^/\s?#@]+|\*|null")
EVERY_ORIGIN = "*"
ORIGINS = "* or origins such as https://newsite.com, one or a list"


def _as_origins(value: bool | str | list[str]) -> bool | str | list[str]:
    if isinstance(value, bool):
        return value
    if not value:  # none means unchecked, which is not what an empty list says
        raise ValueError
    for origin in [value] if isinstance(value, str) else value:
        if not ORIGIN.fullmatch(origin):
            raise ValueError
    return value


def _as_old_origins(value: str | list[str] | None) -> bool | str | list[str] | None:
    """Socket.IO 1.x: `*:*` is every origin, and a text may hold several."""
    if value is None:
        return None
    parts = value.split() if isinstance(value, str) else value
    return _as_origins([EVERY_ORIGIN if part == "*:*" else part for part in parts])


def _without_doubles(transports: list[str]) -> list[str]:
    if len(set(transports)) != len(transports):
        raise ValueError("one is there twice")
    return transports


def _is_path(path: str) -> str:
    if not PATH.fullmatch(path) or "//" in path:
        raise ValueError
    if f"{path}/".startswith(tuple(f"{own}/" for own in OWN_PATHS)):
        raise ValueError("the service serves something else there")
    return path.rstrip("/")


Milliseconds = Annotated[
    int, Field(ge=1, le=MAX_INT32, description="a whole number of milliseconds, 1 or more")
]
Bytes = Annotated[int, Field(ge=1, le=MAX_INT32, description="a whole number of bytes, 1 or more")]
CookieText = Annotated[str, Field(pattern=COOKIE_VALUE, description="text without ;")]


class CorsOptions(Options):
    origin: Annotated[
        bool | str | list[str],
        AfterValidator(_as_origins),
        Field(description=f"true, false, {ORIGINS}"),
    ] = EVERY_ORIGIN
    credentials: YesNo = False


class CookieOptions(Options):
    name: Annotated[str, Field(pattern=COOKIE_NAME, description="a cookie name")] = "io"
    path: CookieText = "/"
    domain: CookieText = ""
    httpOnly: YesNo = True
    secure: YesNo = False
    sameSite: Annotated[
        bool | Literal["strict", "lax", "none", "Strict", "Lax", "None"],
        Field(description="strict, lax, none, true (strict) or false"),
    ] = "lax"
    maxAge: Annotated[
        int | None, Field(ge=0, le=MAX_INT32, description="a whole number of seconds")
    ] = None


class CompressionOptions(Options):
    threshold: Bytes = 1024


class IoOptions(Options):
    pingTimeout: Milliseconds = 20_000
    pingInterval: Milliseconds = 25_000
    connectTimeout: Milliseconds = 45_000
    maxHttpBufferSize: Bytes = 1_000_000
    path: Annotated[
        str,
        AfterValidator(_is_path),
        Field(description="a path that starts with / and is more than that, such as /socket.io"),
    ] = "/socket.io"
    transports: Annotated[
        list[Literal["polling", "websocket"]],
        AfterValidator(_without_doubles),
        Field(min_length=1, description="a list of polling, websocket, or both"),
    ] = ["polling", "websocket"]
    allowUpgrades: YesNo = True
    cookie: Annotated[
        Annotated[bool | Annotated[str, Field(pattern=COOKIE_NAME)], Tag(VALUE)]
        | Annotated[CookieOptions, Tag(MAPPING)],
        MappingOrValue,
        Field(description="true, false, a cookie name, or a mapping"),
    ] = False
    cors: Annotated[
        Annotated[bool, Tag(VALUE)] | Annotated[CorsOptions, Tag(MAPPING)],
        MappingOrValue,
        Field(description="true, false, or a mapping with origin and credentials"),
    ] = True
    origins: Annotated[
        str | list[str] | None, AfterValidator(_as_old_origins), Field(description=ORIGINS)
    ] = None
    perMessageDeflate: Annotated[
        bool | dict[str, object], Field(description="true, false or a mapping")
    ] = False
    httpCompression: Annotated[
        Annotated[bool, Tag(VALUE)] | Annotated[CompressionOptions, Tag(MAPPING)],
        MappingOrValue,
        Field(description="true, false, or a mapping with threshold"),
    ] = True

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.origins is not None and "cors" in self.model_fields_set:
            raise conflict(self, "origins", "stands beside cors; accepted: one of the two")
        return self
