"""Daphne's reader of requests, with bounds of our own on their heads and bodies: 431, 413.

Twisted has bounds for heads as well, and closes the connection without a word, or answers 400;
a body it writes to a file until that is whole or the disk full. Between `daphne_server` and
`heads`; imports daphne and Twisted.
"""

from collections.abc import Callable
from typing import Any

from daphne.http_protocol import WebRequest
from twisted.web.http import HTTPChannel, _GenericHTTPChannelProtocol

from delivery.heads import TOO_LONG_ANSWER, Heads

TOO_LARGE_ANSWER = (
    b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class BoundedChannel(HTTPChannel):
    heads: Heads

    def lineLengthExceeded(self, line: bytes) -> None:
        self._refuse_head()

    def _respondToBadRequestAndDisconnect(self) -> None:
        is_long = self._receivedHeaderSize > self.totalHeadersSize
        if is_long or self._receivedHeaderCount > self.maxHeaders:
            self._refuse_head()
        else:
            super()._respondToBadRequestAndDisconnect()

    def _refuse_head(self) -> None:
        self.heads.on_too_long()
        self.transport.write(TOO_LONG_ANSWER)
        self.loseConnection()


class BoundedRequest(WebRequest):
    def __init__(self, *args: Any, max_body_bytes: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._max_body_bytes = max_body_bytes
        self._body_bytes = 0
        self._is_too_large = False

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > self._max_body_bytes:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes <= self._max_body_bytes:
            super().handleContentChunk(data)
        else:
            self._refuse()

    def process(self) -> Any:
        """Not what has come of a body that is too large."""
        return None if self._is_too_large else super().process()

    def _refuse(self) -> None:
        if not self._is_too_large:
            self._is_too_large = True
            self.channel.transport.write(TOO_LARGE_ANSWER)
            self.channel.loseConnection()


def channels_of(heads: Heads) -> Callable[[], Any]:
    """What a factory of Twisted makes a connection's protocol with."""
    bounds = {"heads": heads, "MAX_LENGTH": heads.max_bytes, "totalHeadersSize": heads.max_bytes}
    channel = type("BoundedChannel", (BoundedChannel,), bounds)
    return lambda: _GenericHTTPChannelProtocol(channel())
