"""How answers are written: in one piece, or as uvicorn does it."""

import asyncio
import logging
from collections.abc import Sequence

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from delivery.http_answers import JoinedAnswer, joining
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS
from tests.delivery.transport_double import KeepingTransport

BODY = b'{"ok":true}'
HEADERS = [(b"Content-Type", b"application/json"), (b"Content-Length", b"11")]


class Exchange:
    """One request of uvicorn, and what became of it."""

    def __init__(self, method: str = "POST", *, keep_alive: bool = True) -> None:
        self.transport = KeepingTransport()
        self.flow = FlowControl(self.transport)
        self.ended = 0
        logger = logging.getLogger(__name__)
        self.cycle = RequestResponseCycle(
            scope={"method": method},  # type: ignore[typeddict-item]
            transport=self.transport,
            flow=self.flow,
            logger=logger,
            access_logger=logger,
            access_log=False,
            default_headers=[(b"server", b"sioweb")],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=self._note_end,
        )
        self.send = joining(self.cycle)

    @property
    def state(self) -> tuple[object, ...]:
        cycle = self.cycle
        is_told = cycle.message_event.is_set()
        done = (cycle.response_started, cycle.response_complete, is_told)
        return (*done, cycle.keep_alive, self.transport.is_closed, self.ended)

    async def answer(self, *, is_whole: bool, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        if is_whole:
            await self.send(start | {"body": BODY})
        else:
            await self.send(start)
            await self.send({"type": "http.response.body", "body": BODY})
        return b"".join(self.transport.written)

    def _note_end(self) -> None:
        self.ended += 1


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("method", ["POST", "GET", "HEAD"])
async def test_whole_answer_is_what_uvicorn_writes_in_two_steps(
    method: str, keep_alive: bool
) -> None:
    whole, parts = (Exchange(method, keep_alive=keep_alive) for _ in range(2))
    written = await whole.answer(is_whole=True, headers=HEADERS)
    assert written == await parts.answer(is_whole=False, headers=HEADERS)
    assert written.endswith(b"\r\n" if method == "HEAD" else BODY)
    assert whole.state == parts.state
    assert len(whole.transport.written) == 1


@pytest.mark.parametrize("line", [(b"a b", b"1"), (b"x-a", b"1\r\nx-b: 2"), (b"x-a", b"\x00")])
async def test_what_is_no_header_is_not_written(line: tuple[bytes, bytes]) -> None:
    for is_whole in (True, False):
        exchange = Exchange()
        with pytest.raises(RuntimeError):
            await exchange.answer(is_whole=is_whole, headers=[line, *HEADERS])
        assert exchange.transport.written == []


async def test_nobody_is_written_to_who_has_hung_up() -> None:
    exchange = Exchange()
    exchange.cycle.disconnected = True
    assert await exchange.answer(is_whole=True, headers=HEADERS) == b""
    assert exchange.ended == 0


async def test_whole_answer_waits_for_a_sender_that_does_not_read() -> None:
    exchange = Exchange()
    exchange.flow.pause_writing()
    task = asyncio.ensure_future(exchange.answer(is_whole=True, headers=HEADERS))
    await asyncio.sleep(0)
    assert exchange.transport.written == []
    exchange.flow.resume_writing()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        assert (await task).endswith(BODY)


async def test_there_is_one_answer() -> None:
    exchange = Exchange()
    await exchange.answer(is_whole=True, headers=HEADERS)
    with pytest.raises(RuntimeError):
        await exchange.answer(is_whole=True, headers=HEADERS)


async def test_head_of_an_answer_in_parts_goes_out_with_the_first() -> None:
    exchange = Exchange()
    await exchange.answer(is_whole=False, headers=HEADERS)
    [written] = exchange.transport.written
    assert written.endswith(b"\r\n\r\n" + BODY)


def test_what_follows_the_body_goes_out_by_itself() -> None:
    transport = KeepingTransport()
    answer = JoinedAnswer(transport)
    for data in (b"HTTP/1.1 200 OK\r\n\r\n", b"one", b"two"):
        answer.write(data)
    assert transport.written == [b"HTTP/1.1 200 OK\r\n\r\none", b"two"]
