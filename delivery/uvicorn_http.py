"""uvicorn's reader of requests, with a bound on their heads: httptools has none.

Between `uvicorn_server` and `heads`; imports uvicorn.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from delivery.heads import TOO_LONG_ANSWER, Heads


class BoundedHttp(HttpToolsProtocol):
    heads = Heads()
    _head_bytes = 0  # that have come of a head, in all parts but the last
    _came_bytes = 0  # of the last part
    _is_reading_head = False
    _is_too_long = False

    def data_received(self, data: bytes) -> None:
        self._came_bytes = len(data)
        super().data_received(data)
        if self._is_reading_head and not self._is_too_long:
            self._head_bytes += len(data)
            if self._head_bytes > self.heads.max_bytes:
                self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_reading_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._is_reading_head = False
        # The last part may hold a body, too; what is in the head is added up only then.
        if self._head_bytes + self._came_bytes > self.heads.max_bytes:
            lines = sum(len(name) + len(value) for name, value in self.headers)
            if len(self.url) + lines > self.heads.max_bytes:
                self._is_too_long = True
                raise ValueError("head too long")  # ends the parser; see send_400_response
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        if self._is_too_long:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def _refuse_head(self) -> None:
        self._is_too_long = True
        self.heads.on_too_long()
        self.transport.write(TOO_LONG_ANSWER)
        self.transport.close()


def protocol_of(heads: Heads) -> type[BoundedHttp]:
    return type("BoundedHttp", (BoundedHttp,), {"heads": heads})
