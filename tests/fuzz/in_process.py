"""Inputs for the parsers of `/send` in this process: Django's request, the views and all that
they check are real, what lies behind is not there.

Most of them go to the handler as a web server would call it, the rest as bytes to the
connection that reads HTTP, in pieces.
"""

import asyncio
import logging
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import yaml

from delivery.heads import Heads
from delivery.openapi import FILE
from delivery.send_connections import SendConnection, SendConnections
from sioweb_project.asgi import DIRECT_PATHS
from tests.delivery.http_fixtures import Answer, Edge, make_edge
from tests.fuzz.bodies import any_request
from tests.fuzz.chance import Chance
from tests.fuzz.findings import Findings
from tests.fuzz.line import STATUS

CONNECTION_SHARE = 0.15
DEFINITE = {200, 400, 401, 404, 405, 413, 414, 415}
HANG_SECONDS = 30.0
MOST_CPU_SECONDS = 2.0  # of one input, and then it has held up everybody else
MOST_GROWTH_MIB = 16.0
STATUS_OF_CONNECTION = DEFINITE | {100, 431}
CODES = frozenset(yaml.safe_load(FILE.read_text())["components"]["schemas"]["ErrorCode"]["enum"])
TURNS = 50  # of the event loop, far more than an answer takes
SOCKET = SimpleNamespace(  # of a connection that may be handed back
    getsockname=lambda: ("127.0.0.1", 1337),
    getpeername=lambda: ("127.0.0.1", 4711),
    dup=lambda: SimpleNamespace(detach=lambda: -1),
)
NOT_FOUND = {"type": "http.response.start", "status": 404, "headers": []}


class Alarm(logging.Handler):
    """Keeps what the log would tell an operator of."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self.format(record))


class FakeTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    abort = write_eof = close

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        """What comes is pushed, read or not."""

    resume_reading = pause_reading

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return SOCKET if name == "socket" else default


class InProcess:
    def __init__(self, seed: str, findings: Findings, edge: Edge) -> None:
        self._seed = seed
        self._findings = findings
        self._edge = edge
        self._alarm = Alarm()
        self._connections = SendConnections(self._route, lambda fd, read: None, Heads())
        self._slowest = (0.0, "", 0)  # seconds, kind and number of an input

    async def run(self, inputs: int) -> None:
        root = logging.getLogger()
        handlers, root.handlers = root.handlers, [self._alarm]
        half_mib = 0.0
        try:
            for number in range(inputs):
                if number == inputs // 2:
                    half_mib = own_mib()
                await self._try(number)
        finally:
            root.handlers = handlers
        seconds, kind, number = self._slowest
        self._findings.note("in process: slowest input, ms of CPU", 1000 * seconds)
        self._findings.note("in process: slowest input", f"{kind}, number {number}")
        self._findings.note("in process: memory at half, MiB", half_mib)
        grown = own_mib() - half_mib
        self._findings.promise("in process: grown by, MiB", grown, at_most=MOST_GROWTH_MIB)

    async def _route(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """As the project's own application does."""
        if DIRECT_PATHS.fullmatch(scope["path"]):
            await self._edge.handler(scope, receive, send)
        else:
            await send(NOT_FOUND)
            await send({"type": "http.response.body"})

    async def _try(self, number: int) -> None:
        chance = Chance(f"{self._seed}/in process/{number}")
        kind, request = any_request(chance)
        is_connection = chance.is_lucky(CONNECTION_SHARE)
        kind = "bytes in pieces" if is_connection else kind
        began = time.thread_time()
        try:
            async with asyncio.timeout(HANG_SECONDS):
                if is_connection:
                    await self._feed(chance, number, request.wire())
                else:
                    answer = await self._edge.exchange(
                        request.method, request.path, request.query, request.headers, request.body
                    )
                    self._look_at(kind, number, answer)
        except Exception as error:  # noqa: BLE001, whatever it is, it is a finding
            self._findings.report(kind, number, repr(error), request)
        self._look_at_log(kind, number, request)
        self._look_at_clock(kind, number, time.thread_time() - began)
        self._findings.inputs[f"in process: {kind}"] += 1

    def _look_at(self, kind: str, number: int, answer: Answer) -> None:
        self._findings.answers[str(answer.status)] += 1
        if answer.status not in DEFINITE:
            self._findings.report(kind, number, f"answered with {answer.status}", answer.body)
        elif answer.status != 200:
            _, code, _ = answer.error
            if code not in CODES:
                self._findings.report(kind, number, "an error of no code in openapi.yaml", code)
        published, self._edge.publisher.published = self._edge.publisher.published, []
        for each in published:  # what was accepted can be put on the wire
            event, *_ = orjson.loads(each.request.text)
            if event != each.request.event:
                self._findings.report(kind, number, "sent as another event", each.request.text)

    async def _feed(self, chance: Chance, number: int, wire: bytes) -> None:
        """One to three requests on a connection, in pieces."""
        data = wire * chance.randint(1, 3)
        if chance.is_lucky(0.7):
            data = chance.mutate(data)
        first, *rest = chance.pieces(data)
        connection, transport = SendConnection(self._connections, first), FakeTransport()
        connection.connection_made(transport)
        for piece in rest:
            if transport.is_closed:
                break
            connection.data_received(piece)
            if chance.is_lucky(0.3):
                await asyncio.sleep(0)
        await self._settle()
        await self._end(connection, transport)
        for status in STATUS.findall(bytes(transport.written)):
            if int(status) not in STATUS_OF_CONNECTION:
                self._findings.report("bytes in pieces", number, f"answered with {status!r}", data)

    async def _settle(self) -> None:
        """Let requests that are whole be answered; one that is not waits for the rest of it."""
        for _ in range(TURNS):
            if not self._connections.requests:
                return
            await asyncio.sleep(0)

    async def _end(self, connection: SendConnection, transport: FakeTransport) -> None:
        """The sender hangs up: nothing may go on."""
        transport.close()
        connection.connection_lost(None)
        if self._connections.requests:
            await asyncio.wait(self._connections.requests)

    def _look_at_log(self, kind: str, number: int, tried: object) -> None:
        for each in self._alarm.messages:
            self._findings.report(kind, number, f"the log says {each}", tried)
        self._alarm.messages.clear()

    def _look_at_clock(self, kind: str, number: int, seconds: float) -> None:
        self._slowest = max(self._slowest, (seconds, kind, number))
        if seconds > MOST_CPU_SECONDS:
            self._findings.report(kind, number, f"took {seconds:.1f} s")


async def run(seed: str, inputs: int, findings: Findings) -> None:
    with pytest.MonkeyPatch.context() as patch:
        edge = make_edge(patch)
        edge.backplane = SimpleNamespace(announce_disconnects=_answer_nothing)
        edge.presence = SimpleNamespace(find=_answer_nobody)
        edge.receipts = SimpleNamespace(find=_answer_nothing)
        await InProcess(seed, findings, edge).run(inputs)


def own_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


async def _answer_nothing(*_: object) -> None:
    """Nobody is told, nothing is known."""


async def _answer_nobody(*_: object) -> list[Any]:
    return []
