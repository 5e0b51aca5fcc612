"""Short forms of the load scenarios of tests/faults: what must hold, whatever it takes."""

from pathlib import Path

from tests.faults import slow_readers, storm


async def test_everybody_gets_in_when_all_come_at_once(tmp_path: Path) -> None:
    figures = await storm.run(tmp_path, clients=300, down=20, is_timed=False)
    assert figures.broken == []


async def test_those_who_read_nothing_cost_the_others_nothing(tmp_path: Path) -> None:
    figures = await slow_readers.run(tmp_path, clients=60, ping_seconds=6, is_quiet=True)
    assert figures.broken == []
