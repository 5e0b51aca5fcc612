"""A Redis server of the service's own, for machines that have none.

It listens on a Unix socket that only this user can reach and appends every write
to a file in the data folder. All processes with the same data folder share one
server: the first starts it, the last ends it.

Who is still there is told by file locks, which the kernel releases however a
process ends: `users.lock` is shared by the processes that use the server, and
`server.lock` is held by the server itself. So the server of a killed process is
found and used, and its last user ends it. May import config, redis_server, data_dir
and exceptions.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

from sioweb_project.config import current_config
from sioweb_project.data_dir import make_private_dir
from sioweb_project.exceptions import ConfigError
from sioweb_project.redis_server import RedisServer, try_lock

# A Unix socket's path has at most 107 bytes on Linux, 103 on macOS.
SOCKET_PATH_BYTES = 100


def embedded_redis_url(data_dir: Path) -> str:
    """Return where the server of a data folder listens, started or not."""
    return f"unix://{quote(str(_socket_path(data_dir)))}"


@contextmanager
def redis_of_this_service() -> Iterator[None]:
    """Keep the embedded server, if the configuration wants one, while the service runs."""
    config = current_config()
    if config.redis.url is not None:
        yield
        return
    server = EmbeddedRedis.start(config.data_dir)
    try:
        yield
    finally:
        server.stop()


@dataclass
class EmbeddedRedis:
    """This process's use of the data folder's server."""

    url: str
    _server: RedisServer = field(repr=False)
    _users: IO[bytes] = field(repr=False)  # holds this process's shared lock

    @classmethod
    def start(cls, data_dir: Path) -> Self:
        """Use the data folder's server, starting it if there is none; returns when it answers.

        Raises ConfigError when no server program starts.
        """
        folder = make_private_dir(make_private_dir(data_dir) / "redis")
        server = RedisServer(folder, _socket_path(data_dir))
        _make_socket_dir(server.socket.parent, folder)
        with _locked(folder / "start.lock"):
            users = (folder / "users.lock").open("ab")
            try:
                fcntl.flock(users, fcntl.LOCK_SH)
                server.start()
            except BaseException:
                users.close()
                raise
        return cls(embedded_redis_url(data_dir), server, users)

    def stop(self) -> None:
        """End the server if nobody else uses it; may be called again.

        Returns within STOP_TIMEOUT_SECONDS, give or take.
        """
        if self._users.closed:
            return
        with _locked(self._server.folder / "start.lock"), self._users:
            if try_lock(self._users):
                self._server.stop()


def _socket_path(data_dir: Path) -> Path:
    """Return <data_dir>/redis/redis.sock, or a path in a short folder if that one is too long.

    The short folder's name holds the user, so that two users never meet in one.
    """
    path = data_dir.absolute() / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"sioweb-{os.getuid()}-{digest}" / "redis.sock"


def _make_socket_dir(folder: Path, data: Path) -> None:
    """Raises ConfigError when another user was quicker to make the folder in /tmp."""
    if folder == data:
        return
    make_private_dir(folder)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ConfigError(
            f"{folder}: belongs to another user or is open to others; accepted: no such folder, or"
            " a shorter SIOWEB_DATA_DIR, or a server of your own in SIOWEB_REDIS_URL"
        )


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
