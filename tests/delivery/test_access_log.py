"""The access log: a line for each request, and no secret in it."""

import asyncio
import contextlib
import contextvars
import logging
import re
from typing import Any

import pytest

from delivery.access_log import Scope, Send, redact, with_access_log
from delivery.addresses import Addresses
from delivery.request_lines import note_sent

SECRETS = ("54321", "12345")
HTTP: Scope = {
    "type": "http",
    "method": "POST",
    "path": "/send",
    "query_string": b"site=newsite&apiKey=54321",
    "client": ("127.0.0.1", 40_000),
}
find_address = Addresses(["10.0.0.0/8"]).of
SENT = {"site": "newsite", "message": "75, 76", "rooms": 3}
WEBSOCKET: Scope = {
    "type": "websocket",
    "path": "/socket.io/",
    "query_string": b"EIO=4&transport=websocket&token=12345",
    "client": ("10.0.0.7", 40_000),
}


@pytest.fixture(autouse=True)
def _listen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="sioweb.access")


async def request(scope: Scope, *events: dict[str, Any], failure: Exception | None = None) -> Any:
    """Serve one request that answers with these events; return what the server got of it."""
    got: list[Any] = []

    async def answer(scope: Scope, receive: Any, send: Send) -> None:
        for event in events:
            await send(event)
        if failure is not None:
            raise failure

    async def take(event: dict[str, Any]) -> None:
        got.append(event)

    await with_access_log(answer, find_address)(scope, None, take)
    return got


async def ignore(event: dict[str, Any]) -> None:
    pass


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the log, each duration replaced by `N`."""
    texts = [record.getMessage() for record in caplog.records if record.name == "sioweb.access"]
    return [re.sub(r"\d+\.\d ms", "N ms", text) for text in texts]


async def test_request_is_one_line_with_its_status(caplog: pytest.LogCaptureFixture) -> None:
    start, body = {"type": "http.response.start", "status": 200}, {"type": "http.response.body"}
    assert await request(HTTP, start, body) == [start, body]
    assert lines(caplog) == ["POST /send?site=newsite&apiKey=*** 200 N ms 127.0.0.1"]


async def test_websocket_is_one_line_once_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    await request(
        WEBSOCKET,
        {"type": "websocket.accept"},
        {"type": "websocket.send", "text": "0{}"},
        {"type": "websocket.close"},
    )
    path = "/socket.io/?EIO=4&transport=websocket&token=***"
    assert lines(caplog) == [f"WEBSOCKET {path} 101 N ms 10.0.0.7"]


@pytest.mark.parametrize("scope", [HTTP, WEBSOCKET])
async def test_request_without_an_answer_is_cut(
    scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    await request(scope)
    [line] = lines(caplog)
    assert " cut N ms " in line


async def test_request_that_fails_is_logged_and_its_error_passed_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ZeroDivisionError):
        await request(HTTP, failure=ZeroDivisionError())
    assert lines(caplog) == ["POST /send?site=newsite&apiKey=*** cut N ms 127.0.0.1"]


@pytest.mark.parametrize("failure", [None, ZeroDivisionError()])
async def test_request_says_what_it_has_sent(
    failure: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(scope: Scope, receive: Any, send: Send) -> None:
        assert await asyncio.create_task(note())
        if failure is not None:
            raise failure
        await send({"type": "http.response.start", "status": 200})

    async def note() -> bool:
        return note_sent(SENT)

    with contextlib.suppress(ZeroDivisionError):
        await with_access_log(answer, find_address)(HTTP, None, ignore)
    outcome = "cut" if failure else "200"
    [line] = lines(caplog)
    request = f"POST /send?site=newsite&apiKey=*** {outcome} N ms 127.0.0.1"
    assert line == f"{request}, message 75, 76 sent, rooms: 3"
    fields = caplog.records[-1].args
    assert isinstance(fields, dict)
    assert fields.keys() == SENT.keys() | {"request", "status", "ms", "client"}


@pytest.mark.parametrize("scope", [HTTP, WEBSOCKET])
async def test_what_is_sent_behind_a_request_or_by_a_websocket_is_not_its_own(
    scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    behind = contextvars.copy_context()

    async def answer(scope: Scope, receive: Any, send: Send) -> None:
        nonlocal behind
        behind = contextvars.copy_context()

    await with_access_log(answer, find_address)(scope, None, ignore)
    assert not behind.run(note_sent, SENT)
    [line] = lines(caplog)
    assert "sent" not in line


async def test_failure_after_the_answer_keeps_its_status(caplog: pytest.LogCaptureFixture) -> None:
    start = {"type": "http.response.start", "status": 503}
    with pytest.raises(ZeroDivisionError):
        await request(HTTP, start, failure=ZeroDivisionError())
    [line] = lines(caplog)
    assert " 503 N ms " in line


async def test_start_and_end_of_the_server_are_no_requests(
    caplog: pytest.LogCaptureFixture,
) -> None:
    started = {"type": "lifespan.startup.complete"}
    assert await request({"type": "lifespan"}, started) == [started]
    assert lines(caplog) == []


@pytest.mark.parametrize("missing", [{"client": None}, {"client": ()}])
async def test_client_without_an_address_is_a_dash(
    missing: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    await request({**HTTP, "query_string": b"", **missing})
    assert lines(caplog) == ["POST /send cut N ms -"]


async def test_path_cannot_break_the_line(caplog: pytest.LogCaptureFixture) -> None:
    await request({**HTTP, "path": "/a b\r\nPOST /send 200\x1b[0m/ü", "query_string": b""})
    assert lines(caplog) == [
        "POST /a%20b%0D%0APOST%20/send%20200%1B%5B0m/%C3%BC cut N ms 127.0.0.1"
    ]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (b"", ""),
        (b"site=newsite", "site=newsite"),
        (b"site=newsite&resync=true&apiKey=54321", "site=newsite&resync=true&apiKey=***"),
        (b"EIO=4&transport=polling&sid=12345", "EIO=4&transport=polling&sid=***"),
        (b"apikey=54321&APIKEY=54321", "apikey=***&APIKEY=***"),
        (b"api%4Bey=54321", "apiKey=***"),
        (b"apiKey=54321=54321", "apiKey=***"),
        (b"apiKey=", "apiKey=***"),
        (b"=54321", "=***"),
        (b"54321", "***"),
        (b"&&", "***&***&***"),
        (b"Site=12345&site%00=12345", "Site=***&site%00=***"),
        (b"site=a;apiKey", "site=a%3BapiKey"),
        (b"site=a\r\nb\x1b\xff", "site=a%0D%0Ab%1B%C3%BF"),
        (b"a\r\nb=54321", "a%0D%0Ab=***"),
    ],
)
def test_only_open_parameters_show_their_values(query: bytes, text: str) -> None:
    assert redact(query) == text
    assert not any(secret in text for secret in SECRETS)


async def test_the_address_is_the_clients_own_where_a_trusted_proxy_tells_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    forged = b"1.1.1.1\nPOST /send 200, 203.0.113.7"
    scope = HTTP | {"client": ("10.0.0.1", 1), "headers": [(b"x-forwarded-for", forged)]}
    await request(scope)
    assert lines(caplog)[-1].endswith(" 203.0.113.7")
    await request(scope | {"client": ("198.51.100.1", 1)})
    assert lines(caplog)[-1].endswith(" 198.51.100.1")
