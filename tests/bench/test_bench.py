"""Does the benchmark still work? Every scenario, in tiny, with what it claims looked at."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.bench.__main__ import FLOORS, PEER, parse, run, sides_of
from tests.bench.chart import write_chart
from tests.bench.load import Load, LoadError
from tests.bench.measures import Measure, Sizes
from tests.bench.results import Results
from tests.bench.scenarios import SCENARIOS, batch, connect, durable, fan_out, send
from tests.bench.servers import HERE, PROJECT, Side, Surroundings, redis_server
from tests.bench.turn import Round, Scenario, Turn
from tests.e2e.waiting import until
from tests.needs import missing

TINY = Sizes(
    seconds=0.05,
    warmup=0.02,
    clients=4,
    many_clients=8,
    polling_clients=3,
    connects=8,
    connections=4,
    in_flight=4,
    batch_messages=5,
    fan_out_deliveries=16,
    idle_clients=(5, 10),
    idle_seconds=0.1,
    held_clients=10,
    held_seconds=1.5,
    watched_clients=5,
    watched_rate=50.0,
    visited_seconds=0.05,
    queue_lengths=(10, 600),
    queue_seconds=0.01,
)
SERVICE = Side("service", PROJECT)
NAMES = list(SCENARIOS)
PARTS = 3  # each a test of its own, well within the time that a test may take
PEER_HAS_NONE = ("queue ", "CPU with a ", "slowest admin page")


@pytest.fixture(autouse=True)
def _needs_its_programs() -> None:
    """Skip where Node, its modules or Redis are missing; in CI that is a failure."""
    has_modules = (HERE / "node_modules" / "socket.io").is_dir()
    if not (shutil.which("node") and shutil.which("redis-server") and has_modules):
        missing("redis-server, Node and `npm ci` in tests/bench")


async def durable_and_gone(turn: Turn) -> AsyncIterator[Measure]:
    """Behind `durable`, nothing waits for its clients: what they have acked has left the queues."""
    async for measure in durable(turn):
        yield measure
    await turn.load.close()
    before = await turn.load.heard()
    opened = [f"user_{number}" for number in range(turn.sizes.clients)]
    await turn.open(opened)
    heard = await turn.load.heard()
    if (heard["connected"], heard["batches"]) != (len(opened), before["batches"]):
        raise LoadError(f"{before} became {heard}")


@pytest.mark.parametrize("names", [NAMES[part::PARTS] for part in range(PARTS)], ids=" ".join)
async def test_every_scenario_gives_a_figure_for_both_sides(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCENARIOS, "durable", durable_and_gone)
    results = await run(tmp_path, (PEER, SERVICE), names, 1, TINY)
    assert results.failures() == []
    for row in results.rows():
        assert row.service is not None, row
        assert (row.base is None) == row.name.startswith(PEER_HAS_NONE), row
        if row.unit != "KiB each":  # so few clients may fit in what there is
            assert row.service > 0, row
            assert row.base is None or row.base > 0, row
    write_chart(tmp_path / "chart.svg", results)
    assert results.rows()[0].name in (tmp_path / "chart.svg").read_text()


async def test_every_round_has_servers_of_its_own(tmp_path: Path) -> None:
    """A service that kept its sites would ask an authUrl of the round before."""
    results = await run(tmp_path, (PEER, FLOORS["bare"]), ["durable"], 2, TINY)
    assert results.failures() == []
    assert all((tmp_path / name).is_dir() for name in ("round-1", "round-2"))


@pytest.mark.parametrize("floor", FLOORS)
async def test_a_floor_does_the_same_work(tmp_path: Path, floor: str) -> None:
    async with _turn(tmp_path, FLOORS[floor]) as turn:
        async with Redis.from_url(turn.round.around.redis_url) as redis:

            async def is_empty() -> bool:
                return await redis.dbsize() == 0

            for scenario in (fan_out, send, durable, batch, connect):
                assert await _failures(turn, scenario) == [""]
                # Before its clients go: the next ones would be sent what is being acknowledged.
                await until(is_empty, "the last list is gone with its last message")
                await turn.load.close()
            stats = await redis.info("commandstats")
        assert stats["cmdstat_lrem"]["calls"] == stats["cmdstat_rpush"]["calls"] > 0


async def test_the_service_runs_under_the_server_that_is_asked_for(tmp_path: Path) -> None:
    options = parse(["--server", "uvicorn", "--against", str(PROJECT), "--only", "send"])
    base, service = sides_of(options)
    async with _turn(tmp_path, service) as turn:
        assert await _failures(turn, send) == [""]
        [pid] = turn.running.pids
        command = _command_of(pid)
    assert command[command.index("--server") + 1] == "uvicorn"
    assert (base.project, base.server, service.server) == (PROJECT, "uvicorn", "uvicorn")


def _command_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


@asynccontextmanager
async def _turn(folder: Path, side: Side) -> AsyncIterator[Turn]:
    async with (
        Load.start() as load,
        redis_server(folder) as redis_url,
        side.running(around := Surroundings(folder, redis_url, load.auth_url)) as running,
    ):
        nobody = lambda *_: None  # noqa: E731
        this_round = Round([(side, running)], load, around, TINY, nobody, nobody)
        yield Turn(this_round, side, running)


async def _failures(turn: Turn, scenario: Scenario) -> list[str]:
    return [measure.failures async for measure in scenario(turn)]


def test_table_and_json_hold_medians_and_ratios() -> None:
    results = Results("peer", "service")
    for value in (10.0, 30.0, 20.0):
        results.add("peer", Measure("durable send to ack", "messages/s", value))
        results.add("service", Measure("durable send to ack", "messages/s", 2 * value))
    results.add("service", Measure("batches of 5 to ack", "messages/s", 400.0, failures="1 lost"))
    lines = results.table().splitlines()
    assert "| durable send to ack | messages/s | 20.0 | 40.0 | 2.00 | higher | - | - |" in lines
    assert "| batch ÷ single sends | x | - | 10.0 | - | higher | - | - |" in lines
    assert "FAILED service: batches of 5 to ack: 1 lost  " in lines
    assert '"ratio": 2.0' in results.json()


def test_a_lower_figure_is_an_advantage_where_less_is_better() -> None:
    results = Results("peer", "service")
    for side, value in (("peer", 30.0), ("service", 10.0)):
        results.add(side, Measure("memory, 10 idle clients", "KiB each", value, "lower"))
    [row] = results.rows()
    assert row.ratio == pytest.approx(1 / 3)
    assert row.advantage == pytest.approx(3)


def test_options_default_to_everything() -> None:
    options = parse([])
    assert options.only == list(SCENARIOS)
    assert (options.rounds, options.server, options.against) == (3, "daphne", None)
    assert (options.floor, parse(["--floor"]).floor) == (None, "bare")
