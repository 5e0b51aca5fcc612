"""One HTTP/1.1 connection to a site: one call at a time, many after each other.

For `site_client`. Read by httptools, in callbacks: aiohttp's client takes four times as much for
a call, which was a fifth of all that a connect costs. Imports nothing of the project.
"""

import asyncio
import zlib
from http import HTTPStatus
from typing import NamedTuple, Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_BODY_BYTES = 1_048_576
# Of a whole answer: one in chunks of a byte has six for each.
MAX_HEARD_BYTES = 8 * MAX_BODY_BYTES
# Of what is no body, in one piece: a head, or what comes between chunks and behind the last. The
# parser keeps a header that is not complete, and copies it with each piece that comes.
MAX_BARE_BYTES = 65_536
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
BARE_DEFLATE = -zlib.MAX_WBITS  # no zlib: some servers read RFC 9110 that way
ZLIB_MARK = 8  # in the lower half of its first byte
PACKED = frozenset({b"gzip", b"x-gzip", b"deflate"})


class Answer(NamedTuple):
    """`date`: the header of that name, "" = none. A body above MAX_BODY_BYTES is cut, one byte
    behind them; b"" where it was not asked for."""

    status: int
    date: str
    body: bytes


class CallFailed(Exception):
    """There was no answer; the text says why, for the people who run the site."""


class NothingHeard(CallFailed):
    def __init__(self) -> None:
        super().__init__("It closed the connection before it had answered")


class BrokenAnswer(CallFailed):
    def __init__(self) -> None:
        super().__init__("What it answered is no valid HTTP, or ended half-way")


class Keeper(Protocol):
    """Hears what becomes of a connection."""

    def note_open(self, connection: "SiteConnection") -> None: ...

    def note_idle(self, connection: "SiteConnection") -> None:
        """The next call may come."""

    def note_closed(self, connection: "SiteConnection") -> None: ...


class SiteConnection(asyncio.Protocol):
    _is_complete: bool  # the answer

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._transport: asyncio.Transport
        self._parser = HttpResponseParser(self)
        # What old servers write, as aiohttp's client takes it.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._answer: asyncio.Future[Answer] | None = None  # of the call that is under way
        self._begin(reads_body=False)

    def ask(self, request: bytes, *, reads_body: bool) -> asyncio.Future[Answer]:
        """Send it; what results fails with CallFailed. Of an answer whose body is not read, or
        that is no 200, only the head is waited for."""
        self._begin(reads_body)
        answer = self._answer = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():  # it was closed in the same moment
            self._fail(NothingHeard())
        else:
            self._transport.write(request)
        return answer

    def give_up(self, answer: asyncio.Future[Answer]) -> None:
        """Nobody waits for it any more: if it is still to come, nothing else can."""
        if self._answer is answer:
            self.abort()

    def abort(self) -> None:
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._keeper.note_open(self)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody has asked
            self.abort()
            return
        self._heard_bytes += len(data)
        self._bare_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._fail(BrokenAnswer())
            return
        if self._is_enough():
            self._succeed()
        elif self._heard_bytes > MAX_HEARD_BYTES or self._bare_bytes > MAX_BARE_BYTES:
            self._fail(BrokenAnswer())

    def connection_lost(self, exc: Exception | None) -> None:
        self._keeper.note_closed(self)
        if self._has_head and not self._is_framed and exc is None:
            self._succeed()  # its end is the end of the connection
        elif self._heard_bytes:
            self._fail(BrokenAnswer())
        else:
            self._fail(NothingHeard())

    def on_message_begin(self) -> None:
        if self._is_complete:  # a second one, which nobody has asked for
            self._is_kept = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._has_head:  # a trailer
            return
        match name.lower():
            case b"content-length":
                self._is_framed = True
            case b"transfer-encoding":  # else the body ends with the connection
                self._is_framed = value.strip().lower().endswith(b"chunked")
            case b"content-encoding":
                self._packing = value.strip().lower()
            case b"date":
                self._date = value

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        self._has_head = self._status >= HTTPStatus.OK
        if not self._has_head:  # but a hint of what will come
            self._forget_headers()
        elif self._status != HTTPStatus.OK:
            self._reads_body = False

    def on_body(self, body: bytes) -> None:
        self._bare_bytes = 0
        self._body_bytes += len(body)
        if self._reads_body and not self._is_complete:
            self._body += body

    def on_message_complete(self) -> None:
        if self._has_head:
            self._is_kept = not self._is_complete and self._parser.should_keep_alive()
            self._is_complete = True

    def _is_enough(self) -> bool:
        if self._has_head and not self._reads_body:
            return True
        return self._is_complete or self._body_bytes > MAX_BODY_BYTES

    def _begin(self, reads_body: bool) -> None:
        self._reads_body = reads_body
        self._has_head = False
        self._is_complete = False
        self._is_kept = False  # the connection, for the next call
        self._status = self._heard_bytes = self._bare_bytes = self._body_bytes = 0
        self._body = bytearray()
        self._forget_headers()

    def _forget_headers(self) -> None:
        self._is_framed = False  # its body has a length of its own
        self._packing = self._date = b""

    def _succeed(self) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            self.abort()
            return
        try:
            body = self._read_body()
        except zlib.error:
            answer.set_exception(BrokenAnswer())
            self.abort()
            return
        answer.set_result(Answer(self._status, self._date.decode("latin-1"), body))
        if self._is_complete and self._is_kept:
            self._keeper.note_idle(self)
        else:
            self.abort()

    def _read_body(self) -> bytes:
        body = bytes(self._body)
        if self._packing not in PACKED or not body:
            return body
        is_bare = self._packing == b"deflate" and body[0] & 15 != ZLIB_MARK
        unpacking = zlib.decompressobj(BARE_DEFLATE if is_bare else GZIP_OR_ZLIB)
        return unpacking.decompress(body, MAX_BODY_BYTES + 1)

    def _fail(self, error: CallFailed) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)
        self.abort()
