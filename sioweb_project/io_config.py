"""`io` in config.yml as the Socket.IO server takes it: seconds, origins, cookie attributes.

Last stop of Socket.IO's options. May import io_schema.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sioweb_project.io_schema import (
    EVERY_ORIGIN,
    CompressionOptions,
    CookieOptions,
    CorsOptions,
    IoOptions,
)


@dataclass(frozen=True)
class IoConfig:
    """Engine.IO and Socket.IO server options; times in seconds, sizes in bytes.

    `cors_allowed_origins` is "*", or the allowed ones; () sends no CORS headers and
    leaves the Origin unchecked. `cookie` is a name with attributes as
    engineio.AsyncServer takes them.
    """

    ping_interval_seconds: float = 25.0
    ping_timeout_seconds: float = 20.0
    connect_timeout_seconds: float = 45.0
    max_http_buffer_size: int = 1_000_000
    path: str = "/socket.io"
    transports: tuple[Literal["polling", "websocket"], ...] = ("polling", "websocket")
    allow_upgrades: bool = True
    cookie: dict[str, object] | None = None
    cors_allowed_origins: str | tuple[str, ...] = EVERY_ORIGIN
    cors_credentials: bool = False
    http_compression: bool = True
    http_compression_threshold: int = 1024


def io_config(options: IoOptions) -> IoConfig:
    cors, compression = options.cors, options.httpCompression
    return IoConfig(
        ping_interval_seconds=options.pingInterval / 1000,
        ping_timeout_seconds=options.pingTimeout / 1000,
        connect_timeout_seconds=options.connectTimeout / 1000,
        max_http_buffer_size=options.maxHttpBufferSize,
        path=options.path,
        transports=tuple(options.transports),
        allow_upgrades=options.allowUpgrades,
        cookie=_cookie(options.cookie),
        cors_allowed_origins=_allowed_origins(options),
        cors_credentials=isinstance(cors, CorsOptions) and cors.credentials,
        http_compression=bool(compression),
        http_compression_threshold=(
            compression if isinstance(compression, CompressionOptions) else CompressionOptions()
        ).threshold,
    )


def io_warnings(options: IoOptions) -> Iterator[str]:
    if options.perMessageDeflate not in (False, None):
        yield "io.perMessageDeflate has no effect: websocket messages are sent uncompressed"


def _allowed_origins(options: IoOptions) -> str | tuple[str, ...]:
    cors = options.cors
    origins = cors.origin if isinstance(cors, CorsOptions) else cors
    if options.origins is not None:
        origins = options.origins
    if isinstance(origins, bool):
        return EVERY_ORIGIN if origins else ()
    allowed = (origins,) if isinstance(origins, str) else tuple(origins)
    return EVERY_ORIGIN if EVERY_ORIGIN in allowed else allowed


def _cookie(cookie: bool | str | CookieOptions) -> dict[str, object] | None:
    """A name alone has attributes, too, which the library would not give it."""
    if isinstance(cookie, bool):
        return _cookie(CookieOptions()) if cookie else None
    if isinstance(cookie, str):
        return _cookie(CookieOptions(name=cookie))
    return {"name": cookie.name} | dict(_cookie_attributes(cookie))


def _cookie_attributes(cookie: CookieOptions) -> Iterator[tuple[str, object]]:
    same_site = "Strict" if cookie.sameSite is True else str(cookie.sameSite or "").capitalize()
    texts = {"path": cookie.path, "Domain": cookie.domain, "SameSite": same_site}
    yield from ((name, text) for name, text in texts.items() if text)
    if cookie.maxAge is not None:
        yield "Max-Age", str(cookie.maxAge)
    yield from (
        (name, True)
        for name, is_on in (("Secure", cookie.secure), ("HttpOnly", cookie.httpOnly))
        if is_on
    )
