"""`python -m tests.deploy`: deploy and roll back with clients connected; exit code 1 = a promise
was broken."""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from tests.deploy.scenario import Scenario
from tests.faults.crowd import raise_file_limit
from tests.faults.figures import Figures


async def run(folder: Path, clients: int) -> Figures:
    settings = {"python": repr(sys.executable)}
    async with Scenario.create(folder, settings, is_timed=True) as scenario:
        return await scenario.run(clients)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.deploy", description=__doc__)
    parser.add_argument("--clients", type=int, default=500, help="default 500")
    options = parser.parse_args()
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="deploy-test-") as folder:
        figures = asyncio.run(run(Path(folder), options.clients))
    return figures.exit_code


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sioweb_project.settings")
    sys.exit(main())
