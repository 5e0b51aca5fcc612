"""The embedded Redis of a test, and the control room's fixtures."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sioweb_project.embedded_redis import EmbeddedRedis
from tests.sioweb_project.control_fixtures import admin_user, control, other_site, site

__all__ = ["admin_user", "control", "data_dir", "other_site", "site", "start"]

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
