"""Daphne's request, with a bound of our own on its body, and 413 past it while it arrives.

Twisted keeps a body to its end, on disk where it is long, before anybody may look at it.
Between `daphne_server` and `daphne_channel`; imports daphne.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from daphne.http_protocol import WebRequest

from delivery.daphne_channel import answer_and_close

TOO_LARGE_ANSWER = (
    b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class BoundedRequest(WebRequest):
    max_body_bytes: int
    _is_refused = False

    def __repr__(self) -> str:
        """Daphne logs a request when it has to end it: without its query, then."""
        return f"<{self.method!r} {self.uri.partition(b'?')[0]!r}>"

    def gotLength(self, length: int | None) -> None:
        if length is not None and length > self.max_body_bytes:
            self._refuse()
        super().gotLength(0 if self._is_refused else length)

    def handleContentChunk(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self.content.tell() + len(data) > self.max_body_bytes:
            self._refuse()
        else:
            super().handleContentChunk(data)

    def process(self) -> Any:
        """The body may end after it was refused."""
        return None if self._is_refused else super().process()

    def _refuse(self) -> None:
        self._is_refused = True
        answer_and_close(self.channel, TOO_LARGE_ANSWER)


def requests_of(max_body_bytes: int) -> Callable[..., Any]:
    """What a connection's protocol makes its requests with."""
    request = type("BoundedRequest", (BoundedRequest,), {"max_body_bytes": max_body_bytes})
    # Nobody asks Twisted for a form; looking whether there is one takes a tenth of a `/send`.
    return partial(request, parsePOSTFormSubmission=False)
