"""The short form of `make fuzz`, and that it would find something."""

import asyncio
from pathlib import Path

import pytest

from tests.delivery.http_fixtures import make_edge
from tests.e2e.service import SERVER
from tests.fuzz.__main__ import run
from tests.fuzz.chance import Chance
from tests.fuzz.findings import Findings
from tests.fuzz.in_process import InProcess
from tests.fuzz.line import line_to
from tests.fuzz.packets import MAKERS

INPUTS = 2_000


def test_some_thousand_inputs_do_no_harm(tmp_path: Path) -> None:
    findings = run(tmp_path, INPUTS, "suite", server=SERVER, is_quiet=True)
    assert findings.found == []
    assert findings.inputs.total() >= INPUTS
    assert {"200", "400", "401", "415", "101"} <= findings.answers.keys()


def test_the_same_seed_makes_the_same_inputs() -> None:
    for make in MAKERS.values():
        one, same, other = (make(Chance(seed)) for seed in ("1", "1", "2"))
        assert one == same != other


async def test_a_view_that_fails_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    edge, findings = make_edge(monkeypatch), Findings(is_quiet=True)
    edge.publisher.failure = RuntimeError("a fault")
    await InProcess("1", findings, edge).run(100)
    assert any("answered with 500" in each for each in findings.found)
    assert any("the log says" in each for each in findings.found)


async def test_a_service_that_says_nothing_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.line.HANG_SECONDS", 0.05)
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    async with server, line_to(server.sockets[0].getsockname()[1]) as line:
        await line.write(b"x")
        with pytest.raises(TimeoutError):
            await line.closed()
