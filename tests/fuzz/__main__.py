"""`python -m tests.fuzz`: see whether any of a million inputs does harm; 0 = none did."""

import argparse
import asyncio
import logging
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import django

from tests.fuzz.findings import Findings

SERVERS = ("daphne", "uvicorn")
WIRE_SHARE = 0.2  # of all inputs: those at the parsers are many times cheaper


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="default 100,000")
    parser.add_argument("--seed", default=None, help="of all that is chosen by chance")
    parser.add_argument("--server", choices=SERVERS, default="daphne", help="default daphne")
    options = parser.parse_args()
    seed = options.seed or str(random.randrange(10**6))  # noqa: S311
    os.environ.setdefault("SIOWEB_ENV", "production")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sioweb_project.settings")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        os.environ["SIOWEB_DATA_DIR"] = folder
        django.setup()
        logging.disable(logging.INFO)  # of this process, which is a website, too
        findings = run(Path(folder), options.inputs, seed, server=options.server)
    return int(bool(findings.found))


def run(
    folder: Path, inputs: int, seed: str, *, server: str = "daphne", is_quiet: bool = False
) -> Findings:
    """1. Try the parsers, in this process. 2. Try a service, over the wire. 3. Add up."""
    from tests.fuzz import in_process, wire  # they read the settings

    findings, began = Findings(is_quiet), time.monotonic()
    findings.note("seed", seed)
    over_wire = round(inputs * WIRE_SHARE)
    asyncio.run(in_process.run(seed, inputs - over_wire, findings))
    asyncio.run(wire.run(seed, over_wire, findings, folder, server))
    for kind, count in sorted(findings.inputs.items()):
        findings.note(kind, count)
    findings.note("inputs", findings.inputs.total())
    findings.note("answers", dict(sorted(findings.answers.items())))
    findings.note("minutes", (time.monotonic() - began) / 60)
    findings.note("findings", len(findings.found))
    return findings


if __name__ == "__main__":
    sys.exit(main())
