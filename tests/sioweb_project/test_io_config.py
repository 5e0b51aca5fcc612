"""Socket.IO's options become what the Socket.IO server takes."""

from dataclasses import replace
from pathlib import Path

import pytest

from sioweb_project.config import Config, IoConfig, load_config

COOKIE = {"path": "/", "SameSite": "Lax", "HttpOnly": True}


def load(folder: Path, options: str) -> Config:
    (folder / "config.yml").write_text(f"production: {{io: {options}}}\n")
    return load_config({"SIOWEB_CONFIG_DIR": str(folder), "SIOWEB_DATA_DIR": str(folder)})


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ("{}", {}),
        ("{pingTimeout: 500}", {"ping_timeout_seconds": 0.5}),
        ("{pingInterval: 10000}", {"ping_interval_seconds": 10}),
        ("{connectTimeout: 1e4}", {"connect_timeout_seconds": 10}),
        ("{maxHttpBufferSize: 1e8}", {"max_http_buffer_size": 100_000_000}),
        ("{path: /push/}", {"path": "/push"}),
        ("{path: /a/b.io}", {"path": "/a/b.io"}),
        ("{path: /sender}", {"path": "/sender"}),
        ("{transports: [websocket]}", {"transports": ("websocket",)}),
        ("{allowUpgrades: false}", {"allow_upgrades": False}),
        ("{cookie: true}", {"cookie": {"name": "io", **COOKIE}}),
        ("{cookie: false}", {}),
        ("{cookie: sid}", {"cookie": {"name": "sid", **COOKIE}}),
        ("{cors: false}", {"cors_allowed_origins": ()}),
        ("{cors: {origin: true}}", {}),
        ("{cors: {origin: '*', credentials: true}}", {"cors_credentials": True}),
        ("{cors: {origin: 'https://a.b'}}", {"cors_allowed_origins": ("https://a.b",)}),
        (
            "{cors: {origin: ['https://a.b', 'http://c:8080', 'null', 'capacitor://localhost']}}",
            {
                "cors_allowed_origins": (
                    "https://a.b",
                    "http://c:8080",
                    "null",
                    "capacitor://localhost",
                )
            },
        ),
        ("{origins: '*:*'}", {}),
        ("{origins: '*'}", {}),
        ("{origins: 'https://a http://b'}", {"cors_allowed_origins": ("https://a", "http://b")}),
        ("{origins: ['https://a']}", {"cors_allowed_origins": ("https://a",)}),
        ("{httpCompression: false}", {"http_compression": False}),
        ("{httpCompression: {threshold: 2048}}", {"http_compression_threshold": 2048}),
    ],
)
def test_option_is_read_as_socket_io_does(
    tmp_path: Path, options: str, changes: dict[str, object]
) -> None:
    config = load(tmp_path, options)
    assert config.io == replace(IoConfig(), **changes)  # type: ignore[arg-type]  # of any field
    assert config.warnings == ()


def test_defaults_are_those_of_socket_io_4() -> None:
    io = IoConfig()
    assert (io.ping_interval_seconds, io.ping_timeout_seconds) == (25, 20)
    assert (io.connect_timeout_seconds, io.max_http_buffer_size) == (45, 1_000_000)
    assert (io.path, io.transports) == ("/socket.io", ("polling", "websocket"))


def test_cookie_attributes_have_the_names_of_the_header(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "{cookie: {name: sid, path: /a, domain: b.c, sameSite: none, secure: true, maxAge: 60}}",
    )
    assert config.io.cookie == {
        "name": "sid",
        "path": "/a",
        "Domain": "b.c",
        "SameSite": "None",
        "Max-Age": "60",
        "Secure": True,
        "HttpOnly": True,
    }


@pytest.mark.parametrize(
    ("same_site", "expected"), [("true", "Strict"), ("false", None), ("Lax", "Lax")]
)
def test_same_site_may_be_a_boolean(tmp_path: Path, same_site: str, expected: str | None) -> None:
    cookie = load(tmp_path, f"{{cookie: {{sameSite: {same_site}}}}}").io.cookie
    assert isinstance(cookie, dict)
    assert cookie.get("SameSite") == expected


@pytest.mark.parametrize("value", ["true", "{threshold: 1024}"])
def test_compression_of_websocket_messages_is_a_warning(tmp_path: Path, value: str) -> None:
    (warning,) = load(tmp_path, f"{{perMessageDeflate: {value}}}").warnings
    assert "production.io.perMessageDeflate has no effect" in warning


def test_refusing_compression_of_websocket_messages_is_none(tmp_path: Path) -> None:
    assert load(tmp_path, "{perMessageDeflate: false}").warnings == ()
