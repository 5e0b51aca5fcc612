"""Private parts of libraries are used in the versions that they were looked at in."""

from collections.abc import Iterator
from importlib.metadata import version

import pytest

from delivery.daphne_server import DaphneServer
from delivery.heads import Heads
from delivery.library_versions import WRITTEN_FOR, are_known
from delivery.listening import Place


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    are_known.cache_clear()
    yield
    are_known.cache_clear()


def test_the_locked_versions_are_known(caplog: pytest.LogCaptureFixture) -> None:
    assert are_known()
    assert caplog.text == ""


def test_another_version_is_warned_of_and_the_ordinary_paths_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(
        "delivery.library_versions.version",
        lambda name: "99.1" if name == "twisted" else version(name),
    )
    server = DaphneServer(None, Place("127.0.0.1", 0), 1, Heads())
    assert not server.is_fast
    assert caplog.messages == [
        "twisted is 99.1, the fast paths were written for 26.x: they are not taken"
    ]


def test_every_version_ends_a_part_of_it() -> None:
    assert all(prefix.endswith(".") for prefix in WRITTEN_FOR.values())
