"""`python -m tests.upgrade [NAME]`: record what this code leaves in Redis, for the test that the
next releases read it."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.e2e.node_client import NodeProcess
from tests.upgrade.recordings import NEXT, path_of
from tests.upgrade.scenario import Scenario
from tests.upgrade.snapshot import Snapshot


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade", description=__doc__)
    parser.add_argument("name", nargs="?", default=NEXT, help=f"a version; default {NEXT!r}")
    path = path_of(parser.parse_args().name)
    with tempfile.TemporaryDirectory(prefix="upgrade-") as folder:
        snapshot = asyncio.run(record(Path(folder) / "it"))
    snapshot.save(path)
    sys.stdout.write(f"{path}: {len(snapshot.keys)} keys\n")


async def record(folder: Path) -> Snapshot:
    node = await NodeProcess.start()
    try:
        async with Scenario.begin(folder, node) as scenario:
            return await scenario.play()
    finally:
        await node.stop()


if __name__ == "__main__":
    main()
