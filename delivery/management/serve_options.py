"""What `serve` accepts: which values its options have, and which go together.

Beside the command; may import where a web server listens.
"""

import errno
import re
from argparse import ArgumentParser, ArgumentTypeError

from django.conf import settings
from django.core.management.base import CommandError

from delivery.listening import ListenError, Place
from delivery.mail import NUMBERS, Mail
from delivery.redis_outages import lacks_rights

PORT, MAX_PORT = re.compile("[0-9]{1,5}"), 65_535
MAX_WORKERS = len(NUMBERS)
SID_PREFIX = re.compile(r"[A-Za-z0-9_-]{0,16}")
# What to do about it, by the system's number of what is wrong.
MENDS = {
    errno.EADDRINUSE: "Another program has it (`ss -ltnp 'sport = :{port}'` says which): end that,"
    " or choose another port by --port or PORT.",
    errno.EACCES: "Ports below 1024 are for root: choose another by --port or PORT.",
}
START_IT = "Start it, or say where it is: redis in config.yml, or SIOWEB_REDIS_URL."
GIVE_RIGHTS = "Its user needs more rights: docs/configuration.md, A user of its own."


def add_address(parser: ArgumentParser, host: str, port: int) -> None:
    """Add `--host` and `--port`, with these as their defaults."""
    parser.add_argument("--host", type=_read_host, default=host, help=f"default {host}")
    parser.add_argument("--port", type=_read_port, default=port, help=f"default {port}")


def read_count_of_workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_WORKERS:
        raise ArgumentTypeError(f"expected 1 to {MAX_WORKERS}, got {text!r}")
    return int(text)


def read_sid_prefix(text: str) -> str:
    if not SID_PREFIX.fullmatch(text):
        raise ArgumentTypeError(f"expected up to 16 letters, digits, - or _, got {text!r}")
    return text


def place_of(host: str, port: int, fd: int | None, mail: Mail | None) -> Place:
    """On the socket `fd`, or on the address."""
    if fd is None:
        return Place(host, port, None, mail)
    try:
        return Place.of_socket(fd, mail)
    except ListenError as error:
        raise CommandError(f"Cannot listen on socket {fd}: {error}") from error


def cannot_listen(host: str, port: int, error: OSError | ListenError) -> CommandError:
    """
    >>> str(cannot_listen("0.0.0.0", 80, PermissionError(13, "Permission denied"))).split(". ")
    ... # doctest: +NORMALIZE_WHITESPACE
    ['Cannot listen on 0.0.0.0:80: [Errno 13] Permission denied',
    'Ports below 1024 are for root: choose another by --port or PORT.']
    """
    cause = error if isinstance(error, OSError) else error.__cause__
    mend = MENDS.get(cause.errno or 0, "") if isinstance(cause, OSError) else ""
    texts = f"Cannot listen on {host}:{port}: {error}", mend.format(port=port)
    return CommandError(". ".join(filter(None, texts)))


def out_of_reach(error: Exception) -> CommandError:
    """Say of a Redis that does not take the service what to do; the cause is redis-py's error.

    >>> str(out_of_reach(RuntimeError("Connection refused.")))[:54]
    'Redis is out of reach: Connection refused. Start it, o'
    """
    mend = GIVE_RIGHTS if lacks_rights(error.__cause__) else START_IT
    return CommandError(f"Redis is out of reach: {str(error).rstrip('.')}. {mend}")


def check_workers(server: str, place: Place, sid_prefix: str) -> None:
    """What cannot work is refused: sessions by polling need daphne's way of passing them on."""
    if place.fd is not None:
        message = "--workers: they open sockets of their own; accepted: no --fd, no systemd socket"
        raise CommandError(message, returncode=2)
    if sid_prefix:
        message = "--workers: their sessions have prefixes of their own; accepted: no --sid-prefix"
        raise CommandError(message, returncode=2)
    if ":" in place.host:
        raise CommandError("--workers: only on IPv4 addresses", returncode=2)
    if server != "daphne" and "polling" in settings.CONFIG.io.transports:
        message = f"--workers with --server {server}: set io.transports to [websocket]"
        raise CommandError(message, returncode=2)


def _read_host(text: str) -> str:
    if not text.strip():
        raise ArgumentTypeError(f"expected a host name or an IP address, got {text!r}")
    return text


def _read_port(text: str) -> int:
    if not PORT.fullmatch(text) or int(text) > MAX_PORT:
        raise ArgumentTypeError(f"expected 0 to {MAX_PORT}, got {text!r}")
    return int(text)
