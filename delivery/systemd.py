"""Telling systemd that the service is ready: sd_notify(3).

For `serve`. Imports nothing of the project.
"""

import logging
import socket
from collections.abc import Mapping

logger = logging.getLogger(__name__)


def say_ready(environ: Mapping[str, str]) -> None:
    """Tell systemd, if it started this process and waits to hear (`Type=notify`)."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    abstract = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"READY=1", abstract)
    except OSError as error:
        logger.warning("NOTIFY_SOCKET: systemd was not told that the service is ready: %s", error)
