"""`python -m tests.bench`: measure both sides, print a table, write JSON and a chart."""

import argparse
import asyncio
import resource
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from tests.bench.chart import write_chart
from tests.bench.load import Load
from tests.bench.measures import Measure, Sizes
from tests.bench.results import Results
from tests.bench.scenarios import ONCE, SCENARIOS
from tests.bench.servers import PROJECT, Side, Surroundings, redis_server
from tests.bench.turn import Round

PEER = Side("peer")
FLOORS = {
    "bare": Side("floor", command=(sys.executable, "-m", "tests.bench.floor")),
    "stack": Side("stack", command=(sys.executable, "-m", "tests.bench.stack")),
}


def main() -> int:
    options = parse(sys.argv[1:])
    _allow_many_files()
    sizes = replace(Sizes(), seconds=options.seconds)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        results = asyncio.run(
            run(Path(folder), sides_of(options), options.only, options.rounds, sizes)
        )
    sys.stdout.write(results.table())
    if options.json:
        options.json.write_text(results.json())
    if options.svg:
        write_chart(options.svg, results)
    return 1 if results.failures() else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="of all scenarios; default 3")
    add("--seconds", type=float, default=Sizes().seconds, help="measured each; default 2")
    add("--only", nargs="+", choices=list(SCENARIOS), default=list(SCENARIOS), metavar="SCENARIO",
        help=f"of {', '.join(SCENARIOS)}")  # fmt: skip
    add("--server", choices=["daphne", "uvicorn"], default="daphne", help="the service's")
    add("--against", type=Path, metavar="FOLDER", help="another tree of the service as the peer")
    add("--floor", nargs="?", const="bare", choices=list(FLOORS), help="as the peer the least that"
        " bare Python does for it, or the libraries of the stack alone")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="write the results there")
    add("--svg", type=Path, metavar="FILE", help="draw them there")
    return parser.parse_args(arguments)


def sides_of(options: argparse.Namespace) -> tuple[Side, Side]:
    """What is compared with the service, and the service."""
    against = FLOORS.get(options.floor, PEER)
    if options.against:
        against = Side("base", options.against.resolve(), server=options.server)
    return against, Side("service", PROJECT, server=options.server)


async def run(
    folder: Path, sides: tuple[Side, Side], names: list[str], rounds: int, sizes: Sizes
) -> Results:
    """Run every scenario for both sides in turn, and all of it `rounds` times, but for ONCE."""
    about = {"service under": sides[1].server, "rounds": str(rounds), "seconds": str(sizes.seconds)}
    results = Results(sides[0].name, sides[1].name, about)
    for number in range(1, rounds + 1):
        some = names if number == 1 else [name for name in names if name not in ONCE]
        fresh = folder / f"round-{number}"  # another round's sites have another authUrl
        fresh.mkdir()
        await _run_round(fresh, sides, some, sizes, results)
    return results


async def _run_round(
    folder: Path, sides: tuple[Side, Side], names: list[str], sizes: Sizes, results: Results
) -> None:
    def report(side: Side, measure: Measure) -> None:
        results.add(side.name, measure)
        cpu = f"  {measure.cpu_us:.0f} µs CPU each" if measure.cpu_us else ""
        figure = f"{measure.value:12,.2f} {measure.unit}{cpu}  {measure.failures}"
        _note(f"{side.name:8} {measure.name:40} {figure}")

    def report_failure(side: Side, what: str) -> None:
        results.fail(side.name, what)
        _note(f"{side.name:8} FAILED {what}")

    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        load = await enter(Load.start())
        around = Surroundings(folder, await enter(redis_server(folder)), load.auth_url)
        running = [(side, await enter(side.running(around))) for side in sides]
        this_round = Round(running, load, around, sizes, report, report_failure)
        for name in names:
            try:
                await this_round.run(SCENARIOS[name])
            except TimeoutError:
                results.fail("both", f"{name} hung; what came after it in this round is left out")
                return


def _note(text: str) -> None:
    sys.stderr.write(text + "\n")


def _allow_many_files() -> None:
    """A socket is a file; the programs started here inherit the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
