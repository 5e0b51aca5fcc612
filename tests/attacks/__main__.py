"""`python -m tests.attacks [NAME ...]`: run attacks, all or some, and tell what came of them."""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.attacks.arena import Arena, Result
from tests.attacks.attack import Attack
from tests.attacks.catalogue import ATTACKS
from tests.attacks.table import line, write_page
from tests.faults.crowd import raise_file_limit

SECONDS = 2.0  # of each attack: 100 messages of the bystander at least


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of attacks; default all")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each; default 2")
    parser.add_argument("--list", action="store_true", help="only tell the names")
    parser.add_argument("--markdown", type=Path, help="page whose table is to be written anew")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in ATTACKS]
    if unknown:
        parser.error(f"no such attack: {', '.join(unknown)}; --list tells all")
    if options.list:
        sys.stdout.writelines(f"{each.name:<42} {each.sentence}\n" for each in ATTACKS.values())
        return 0
    raise_file_limit()
    chosen = [ATTACKS[name] for name in options.names] or list(ATTACKS.values())
    with tempfile.TemporaryDirectory(prefix="attacks-") as folder:
        results = asyncio.run(run(Path(folder), chosen, options.seconds))
    if options.markdown:
        write_page(options.markdown, results)
    return int(any(each.problems for each in results))


async def run(folder: Path, attacks: Sequence[Attack], seconds: float) -> list[Result]:
    results = []
    async with Arena.open(folder) as arena:
        for each in attacks:
            results.append(await arena.face(each, seconds))
            sys.stdout.write(line(results[-1]))
            sys.stdout.flush()
    return results


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sioweb_project.settings")
    sys.exit(main())
