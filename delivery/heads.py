"""How long the head of a request may be: its URL, and all of its headers.

For `daphne_channel` and `http_connection`, which read heads. Imports nothing of the project.
"""

from collections.abc import Callable
from dataclasses import dataclass

TOO_LONG_ANSWER = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)
LINGER_SECONDS = 1.0  # for the client to read the answer; cut at once, it might lose that


def ignore() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Heads:
    max_bytes: int = 16_384  # of the request line and all headers
    on_too_long: Callable[[], None] = ignore
