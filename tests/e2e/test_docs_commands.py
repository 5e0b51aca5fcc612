"""The commands of the documentation, typed as they stand there beside a running service.

A page's blocks run in their order. What is replaced: the service's address, the folder of its
configuration and data, and an example's message id by that of the last message sent.
`tests/docs/elsewhere.py` lists what is not run here, and what runs it.
"""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.docs.commands import ADDRESS, Script, is_harmless, scripts
from tests.e2e.service import PROJECT, Service
from tests.e2e.waiting import WAIT_SECONDS

EXAMPLE_ID = "7530791394961522691"
ANSWERED_ID = re.compile(r'"id": ?"(\d+)"')
COMMAND_SECONDS = 6 * WAIT_SECONDS
PRELUDE = """\
set -euo pipefail
curl() { command curl --silent --show-error --fail-with-body --max-time 20 "$@"; }
"""


def pages() -> dict[str, list[Script]]:
    found: dict[str, list[Script]] = {}
    for script in scripts():
        if script.here:
            found.setdefault(script.block.page, []).append(script)
    return found


@pytest.mark.parametrize("page", pages())
async def test_the_commands_of_a_page_work(page: str, service: Service) -> None:
    last_id = EXAMPLE_ID
    for script in pages()[page]:
        assert all(map(is_harmless, script.here.splitlines())), script
        code, output = await run(script.here.replace(EXAMPLE_ID, last_id), service)
        assert code == 0, f"{script}: {output}"
        last_id = (ANSWERED_ID.findall(output) or [last_id])[-1]


async def run(text: str, service: Service) -> tuple[int | None, str]:
    python = Path(sys.executable)
    text = text.replace(ADDRESS, service.url).replace(".venv/bin/python ", f"{python} ")
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", PRELUDE + text),
        cwd=PROJECT,
        env=service.installation.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
    return process.returncode, output.decode()
