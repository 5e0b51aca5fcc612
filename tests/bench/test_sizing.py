"""Does `make sizing` still work? In tiny."""

import shutil
from pathlib import Path

from tests.bench.idle import idle
from tests.bench.sizing import measure, table
from tests.needs import missing

USERS = 200


async def test_a_message_takes_its_text_and_something_more(tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        missing("redis-server")
    rows = await measure(tmp_path, USERS)
    sizes = {name: bytes_ for name, bytes_, _ in rows}
    assert 200 < sizes["each further one, 200 bytes"] < 1000
    assert 2048 < sizes["each further one, 2048 bytes"] < 4000
    assert 100 < sizes["each further receipt"] < 1000
    assert all(microseconds >= 0 for *_, microseconds in rows)
    assert table(rows).count("\n") == 2 + len(rows)


async def test_connections_idle(tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        missing("redis-server")
    found = await idle(tmp_path, clients=20, seconds=0.5, rest=0)
    assert found.microseconds >= 0
