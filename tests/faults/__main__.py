"""`python -m tests.faults`: break everything for a while, and see whether anything was lost."""

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.faults import Faults
from tests.faults.report import print_report
from tests.faults.stores import KINDS
from tests.faults.world import World

SETTLE_SECONDS = 90.0  # after the last fault, for everything to arrive
SAMPLE_SECONDS = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.5, help="of faults; default 1.5")
    parser.add_argument("--redis", choices=KINDS, default="server", help="default server")
    parser.add_argument("--processes", type=int, default=3, help="of the service; default 3")
    parser.add_argument("--clients", type=int, default=300, help="default 300")
    parser.add_argument("--rate", type=float, default=500.0, help="messages a second; default 500")
    parser.add_argument("--per-minute", type=float, default=30.0, help="faults; default 30")
    parser.add_argument("--seed", type=int, default=None, help="of all that is chosen by chance")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    options = parser.parse_args()
    seed = random.randrange(10**6) if options.seed is None else options.seed  # noqa: S311
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        return asyncio.run(run(folder, options, seed))
    finally:
        if options.keep:
            sys.stdout.write(f"The logs are in {folder}\n")
        else:
            shutil.rmtree(folder)


async def run(folder: Path, options: argparse.Namespace, seed: int) -> int:
    """1. Start everything. 2. Send, and inject faults. 3. Let all of it heal and arrive.
    4. Print what came of it; 0 = what is promised was kept."""
    async with World.create(
        folder,
        redis_kind=options.redis,
        processes=options.processes,
        clients=options.clients,
        rate=options.rate,
        seed=seed,
    ) as world:
        await world.until_everybody_is_there()
        faults = Faults(world)
        sampling = asyncio.create_task(_sample_memory(world))
        sending = asyncio.create_task(world.send_all())
        await faults.inject(60 * options.minutes, options.per_minute)
        world.is_sending = False
        await sending
        await _settle(world)
        sampling.cancel()
        return print_report(world, faults, seed, await world.keys_without_ttl())


async def _settle(world: World) -> None:
    """Wait until nothing is missing, or it is clear that it will not come."""
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            while world.ledger.missing():  # noqa: ASYNC110, many events end it
                await asyncio.sleep(0.5)
    except TimeoutError:
        return


async def _sample_memory(world: World) -> None:
    while True:
        await asyncio.sleep(SAMPLE_SECONDS)
        for each in world.services:
            each.sample_memory()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sioweb_project.settings")
    sys.exit(main())
