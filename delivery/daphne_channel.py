"""Daphne's reader of requests, with a bound of our own on their heads, and 431 past it.

Twisted has bounds as well, and closes the connection without a word, or answers 400.
Between `daphne_request` and `heads`; imports Twisted.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.web.http import HTTPChannel, _GenericHTTPChannelProtocol

from delivery.heads import LINGER_SECONDS, TOO_LONG_ANSWER, Heads

# At a time: 64 KiB of the shortest header lines would hold everybody up for a tenth of a second.
READ_BYTES = 8_192


class BoundedChannel(HTTPChannel):
    heads: Heads

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.bufferSize = READ_BYTES

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
        answer_and_close(self, TOO_LONG_ANSWER)


def answer_and_close(channel: HTTPChannel, answer: bytes) -> None:
    """Answer who sends too much, and read no more of it."""
    transport = channel.transport
    transport.write(answer)
    transport.unregisterProducer()
    transport.loseWriteConnection()
    transport.pauseProducing()
    reactor.callLater(LINGER_SECONDS, transport.abortConnection)


def channels_of(heads: Heads) -> Callable[[], Any]:
    """What a factory of Twisted makes a connection's protocol with."""
    bounds = {"heads": heads, "MAX_LENGTH": heads.max_bytes, "totalHeadersSize": heads.max_bytes}
    channel = type("BoundedChannel", (BoundedChannel,), bounds)
    return lambda: _GenericHTTPChannelProtocol(channel())
