"""`make sizing`: what users and messages take of Redis and of a process, memory and processor.

The figures are those of docs/growing.md.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.bench.idle import idle
from tests.bench.servers import PROJECT, Surroundings, redis_server, write_config
from tests.bench.workers import run_worker
from tests.faults.crowd import raise_file_limit

NO_AUTH_URL = "http://127.0.0.1:9/"  # nobody connects
WORKER_SECONDS = 300.0

Row = tuple[str, float, float]
"""Name, bytes, microseconds of Redis' processor; for one of each."""


async def measure(folder: Path, users: int) -> list[Row]:
    async with redis_server(folder) as url:
        write_config(folder / "sizing", Surroundings(folder, url, NO_AUTH_URL))
        rows = await run_worker(
            *("sizing_worker.py", str(users), url),
            config=folder / "sizing",
            project=PROJECT,
            seconds=WORKER_SECONDS,
        )
    return [(name, bytes_, time) for name, bytes_, time in rows]


def table(rows: list[Row]) -> str:
    lines = ["| one of each | bytes of Redis | µs of Redis |", "|---|--:|--:|"]
    lines += [f"| {name} | {bytes_:,.0f} | {time:.1f} |" for name, bytes_, time in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sizing", description=__doc__)
    parser.add_argument("--users", type=int, default=5000, help="of queues; default 5000")
    parser.add_argument("--clients", type=int, default=2000, help="that idle; default 2000")
    parser.add_argument("--seconds", type=float, default=50.0, help="they idle; default 50")
    options = parser.parse_args()
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="sizing-") as name:
        folder = Path(name)
        sys.stdout.write(table(asyncio.run(measure(folder, options.users))))
        found = asyncio.run(idle(folder, options.clients, options.seconds))
    sys.stdout.write(
        f"\nA process without connections: {found.empty_mib:.0f} MiB"
        f"\nAn idle connection of a user: {found.kib:.1f} KiB of a process and"
        f" {found.microseconds:.1f} µs of its processor a second\n"
    )


if __name__ == "__main__":
    main()
