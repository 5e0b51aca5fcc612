"""The embedded Redis: one real server for a data folder, whoever started it."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sioweb_project.config import PROJECT_DIR, ConfigError
from sioweb_project.embedded_redis import EmbeddedRedis, embedded_redis_url
from tests.sioweb_project.conftest import Start
from tests.sioweb_project.redis_clients import connect, is_running, process_id

# Starts the server and dies without a word, as a killed service does.
KILLED_USER = """
import os, pathlib, signal, sys
from sioweb_project.embedded_redis import EmbeddedRedis
EmbeddedRedis.start(pathlib.Path(sys.argv[1]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_url_is_known_before_the_start(start: Start, data_dir: Path) -> None:
    expected = embedded_redis_url(data_dir)
    assert expected == f"unix://{data_dir}/redis/redis.sock"
    assert not data_dir.exists()
    assert start().url == expected


def test_server_appends_to_a_file_and_has_no_port(start: Start, data_dir: Path) -> None:
    with connect(start().url) as client:
        options = client.config_get("append*", "port", "save", "dir")
    assert (options["appendonly"], options["appendfsync"]) == ("yes", "everysec")
    assert (options["port"], options["save"]) == ("0", "")
    assert options["dir"] == str(data_dir / "redis")


def test_only_its_owner_reaches_server_and_data(start: Start, data_dir: Path) -> None:
    start()
    folder = data_dir / "redis"
    for path in (data_dir, folder, folder / "redis.sock"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "redis.log").stat().st_mode) == 0o600


def test_data_is_there_after_a_restart(start: Start) -> None:
    first = start()
    with connect(first.url) as client:
        client.set("key", "value")
    first.stop()
    assert not is_running(first.url)
    with connect(start().url) as client:
        assert client.get("key") == "value"


def test_stop_may_be_called_again(start: Start) -> None:
    use = start()
    use.stop()
    use.stop()
    assert not is_running(use.url)


@pytest.mark.parametrize("first_to_stop", [0, 1])
def test_last_of_two_users_ends_the_server(start: Start, first_to_stop: int) -> None:
    uses = [start(), start()]
    uses.pop(first_to_stop).stop()
    assert is_running(uses[0].url)
    uses[0].stop()
    assert not is_running(uses[0].url)


def test_processes_that_start_together_share_one_server(start: Start) -> None:
    with ThreadPoolExecutor(4) as pool:
        uses = [future.result() for future in [pool.submit(start) for _ in range(8)]]
        ids = set(pool.map(process_id, [use.url for use in uses]))
    assert len(ids) == 1


def test_server_of_a_killed_process_is_used_and_ended(start: Start, data_dir: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_USER, data_dir], cwd=PROJECT_DIR, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    left_over = process_id(embedded_redis_url(data_dir))
    use = start()
    assert process_id(use.url) == left_over
    use.stop()
    assert not is_running(use.url)


def test_killed_server_is_started_anew(start: Start) -> None:
    first = start()
    killed = process_id(first.url)
    os.kill(killed, signal.SIGKILL)
    assert process_id(start().url) != killed


def test_path_with_spaces_and_signs_works(tmp_path: Path) -> None:
    use = EmbeddedRedis.start(tmp_path / "a b#c%d'e")
    try:
        assert is_running(use.url)
    finally:
        use.stop()


@pytest.fixture
def long_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder too deep for a socket's path, and a temporary folder for this test."""
    with tempfile.TemporaryDirectory(prefix="t-") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        yield tmp_path / ("x" * 100)


def test_socket_of_a_deep_folder_is_elsewhere_and_private(long_dir: Path) -> None:
    use = EmbeddedRedis.start(long_dir)
    try:
        socket_dir = Path(use.url.removeprefix("unix://")).parent
        assert use.url == embedded_redis_url(long_dir)
        assert socket_dir.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
        assert (long_dir / "redis" / "appendonlydir").is_dir()
        assert is_running(use.url)
    finally:
        use.stop()


def test_socket_folder_open_to_others_is_refused(long_dir: Path) -> None:
    folder = Path(embedded_redis_url(long_dir).removeprefix("unix://")).parent
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(ConfigError, match="belongs to another user or is open to others"):
        EmbeddedRedis.start(long_dir)


def test_socket_folder_that_is_a_link_is_refused(long_dir: Path, tmp_path: Path) -> None:
    folder = Path(embedded_redis_url(long_dir).removeprefix("unix://")).parent
    folder.symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="belongs to another user or is open to others"):
        EmbeddedRedis.start(long_dir)
