"""The socket that systemd has opened for this process: sd_listen_fds(3).

For settings.py, as Twisted takes what tells of it out of the environment when it is imported.
"""

import os
from collections.abc import MutableMapping

from sioweb_project.exceptions import ConfigError

FIRST_FD = 3  # of those that are handed over


def take_systemd_socket(environ: MutableMapping[str, str]) -> int | None:
    """Return its number; None = there is none. What tells of it leaves `environ`, as it is not for
    processes that this one starts.

    Raises ConfigError when there are several.
    """
    pid, count = (environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS"))
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()):
        return None
    if count != "1":
        raise ConfigError(f"LISTEN_FDS is {count!r}; accepted: 1, one ListenStream= of systemd's")
    return FIRST_FD
