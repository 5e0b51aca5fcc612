"""Reads requests by httptools, also those of senders who would rather speak another protocol.

Java's HttpClient and `curl --http2` ask for HTTP/2 with what they send (RFC 7540, 3.2). Whoever
does not speak it answers as if that were not there, but httptools takes what follows the head for
the other protocol: the message would be lost. Below `http_connection`; imports httptools.
"""

from typing import Any, Protocol

import httptools

FRAMING = frozenset({b"content-length", b"transfer-encoding"})  # they tell where a body ends


class Reader(Protocol):
    """What httptools calls, and what is asked of it besides."""

    headers: list[tuple[bytes, bytes]]

    def has_declined(self) -> bool: ...
    def on_message_begin(self) -> None: ...
    def on_url(self, url: bytes) -> None: ...
    def on_header(self, name: bytes, value: bytes) -> None: ...
    def on_headers_complete(self) -> None: ...
    def on_body(self, body: bytes) -> None: ...
    def on_message_complete(self) -> None: ...


class RequestParser:
    """In place of httptools' own, as far as uvicorn uses that."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._parse_for(reader)

    def feed_data(self, data: bytes) -> None:
        """Raises what httptools raises; HttpParserUpgrade only where `reader` has not declined."""
        while True:
            try:
                self._feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if not self._reader.has_declined():
                    raise
                data = data[upgrade.args[0] :]
                self._go_on()
            else:
                return

    def _parse_for(self, reader: Any) -> None:
        parser = httptools.HttpRequestParser(reader)
        parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn
        self._feed_data = parser.feed_data
        self.get_method = parser.get_method
        self.get_http_version = parser.get_http_version
        self.should_keep_alive = parser.should_keep_alive
        self.should_upgrade = parser.should_upgrade

    def _go_on(self) -> None:
        """With a parser that has read the same head, but for the wish."""
        lines = [b"%s: %s\r\n" % each for each in self._reader.headers if each[0] in FRAMING]
        self._parse_for(_BehindHead(self._reader))
        self._feed_data(b"POST / HTTP/1.1\r\n%s\r\n" % b"".join(lines))


class _BehindHead:
    """Passes on what is read after the first head."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._is_behind = False
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete

    def on_message_begin(self) -> None:
        if self._is_behind:
            self._reader.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._is_behind:
            self._reader.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_behind:
            self._reader.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._is_behind:
            self._reader.on_headers_complete()
        self._is_behind = True
