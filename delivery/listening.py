"""Where a web server listens, and what it says of that.

Below `daphne_server` and `uvicorn_server`; imports only the mail of workers.
"""

from collections.abc import Callable
from dataclasses import dataclass

from delivery.mail import Mail

REQUESTS_TIMEOUT_SECONDS = 10.0  # for requests still running when draining

Listening = Callable[[str, int], None]


@dataclass(frozen=True)
class Place:
    """Where to listen: at an address, or on a socket that another process has opened; `mail`
    is for connections that the processes on one socket pass on to each other."""

    host: str
    port: int
    fd: int | None = None
    mail: Mail | None = None


class ListenError(Exception):
    """The address cannot be listened on."""
