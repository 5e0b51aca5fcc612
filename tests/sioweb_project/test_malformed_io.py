"""Each wrong option of `io` gives one line: where, the value, what is accepted."""

from pathlib import Path

import pytest

from tests.sioweb_project.malformed import Cases, refuse_production

CASES: Cases = {
    "a time with its unit": (
        "io: {pingTimeout: 60s}",
        "production.io.pingTimeout is '60s'; accepted: a whole number of milliseconds, 1 or more",
    ),
    "a time of 0": ("io: {pingInterval: 0}", "production.io.pingInterval is 0; accepted: a whole"),
    "a Python name": (
        "io: {ping_timeout: 1}",
        "production.io.ping_timeout is no known option (its value: 1); did you mean pingTimeout?",
    ),
    "a path without its slash": (
        "io: {path: socket.io}",
        "production.io.path is 'socket.io'; accepted: a path that starts with /",
    ),
    "a path of the service's own": (
        "io: {path: /send}",
        "production.io.path is '/send'; accepted: a path that starts with / and is more than that,"
        " such as /socket.io (the service serves something else there)",
    ),
    "a path below one of the service's own": (
        "io: {path: /messages/push/}",
        "production.io.path is '/messages/push/'; accepted: a path that starts with /",
    ),
    "the root as path": ("io: {path: /}", "production.io.path is '/'; accepted: a path that"),
    "an unknown transport": (
        "io: {transports: [polling, flashsocket]}",
        "production.io.transports is 'flashsocket'; accepted: a list of polling, websocket, or",
    ),
    "no transport": (
        "io: {transports: []}",
        "production.io.transports is an empty list; accepted: a list of polling, websocket, or",
    ),
    "one transport as text": (
        "io: {transports: polling}",
        "production.io.transports is 'polling'; accepted: a list of polling",
    ),
    "a transport twice": (
        "io: {transports: [polling, polling]}",
        "production.io.transports is a list; accepted: a list of polling, websocket, or both"
        " (one is there twice)",
    ),
    "an upgrade in words": (
        "io: {allowUpgrades: sometimes}",
        "production.io.allowUpgrades is 'sometimes'; accepted: true or false",
    ),
    "a size in words": (
        "io: {maxHttpBufferSize: 1 MB}",
        "production.io.maxHttpBufferSize is '1 MB'; accepted: a whole number of bytes, 1 or more",
    ),
    "an origin with a path": (
        "io: {cors: {origin: 'https://newsite.com/'}}",
        "production.io.cors.origin is 'https://newsite.com/'; accepted: true, false, * or origins",
    ),
    "no origin at all": (
        "io: {cors: {origin: []}}",
        "production.io.cors.origin is an empty list; accepted: true, false, * or origins such as",
    ),
    "no origin of an older name": (
        "io: {origins: ''}",
        "production.io.origins is ''; accepted: * or origins such as",
    ),
    "an origin without scheme": (
        "io: {origins: 'newsite.com:80'}",
        "production.io.origins is 'newsite.com:80'; accepted: * or origins such as",
    ),
    "origins of two generations": (
        "io: {origins: '*', cors: {origin: '*'}}",
        "production.io.origins is a list, it stands beside cors; accepted: one of the two",
    ),
    "a typo in cors": (
        "io: {cors: {orgin: '*'}}",
        "production.io.cors.orgin is no known option (its value: '*'); did you mean origin?",
    ),
    "a cookie name that ends the header": (
        "io: {cookie: 'a;b'}",
        "production.io.cookie is 'a;b'; accepted: true, false, a cookie name, or a mapping",
    ),
    "a wrong sameSite": (
        "io: {cookie: {sameSite: often}}",
        "production.io.cookie.sameSite is 'often'; accepted: strict, lax, none",
    ),
    "compression in words": (
        "io: {httpCompression: gzip}",
        "production.io.httpCompression is 'gzip'; accepted: true, false, or a mapping with",
    ),
}


@pytest.mark.parametrize(("section", "expected"), CASES.values(), ids=CASES)
def test_wrong_io_option_is_refused_with_its_place(
    tmp_path: Path, section: str, expected: str
) -> None:
    assert refuse_production(tmp_path, section).startswith(expected)
