"""The short form of `make fuzz`."""

from pathlib import Path

from tests.e2e.service import SERVER
from tests.fuzz.__main__ import run
from tests.fuzz.chance import Chance
from tests.fuzz.packets import MAKERS

INPUTS = 4_000


def test_some_thousand_inputs_do_no_harm(tmp_path: Path) -> None:
    findings = run(tmp_path, INPUTS, "suite", server=SERVER, is_quiet=True)
    assert findings.found == []
    assert findings.inputs.total() >= INPUTS
    assert {"200", "400", "401", "415", "101"} <= findings.answers.keys()


def test_the_same_seed_makes_the_same_inputs() -> None:
    for make in MAKERS.values():
        one, same, other = (make(Chance(seed)) for seed in ("1", "1", "2"))
        assert one == same != other
