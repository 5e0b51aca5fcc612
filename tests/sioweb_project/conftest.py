"""The embedded Redis of a test."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sioweb_project.embedded_redis import EmbeddedRedis

Start = Callable[[], EmbeddedRedis]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A path short enough for a socket, which pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        yield Path(folder) / "var"


@pytest.fixture
def start(data_dir: Path) -> Iterator[Start]:
    """Start the data folder's server, and stop every use of it in the end."""
    started = []

    def start() -> EmbeddedRedis:
        started.append(EmbeddedRedis.start(data_dir))
        return started[-1]

    yield start
    for use in started:
        use.stop()
