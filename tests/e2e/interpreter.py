"""Python beside a service, with its Django: one process for many pieces of code.

Each start of manage.py costs some three seconds of processor time, nearly all of it imports.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.e2e.leaks import assert_no_secrets
from tests.e2e.service import MANAGE, START_SECONDS, Installation

# Each line that comes is code; what it prints goes back as a line. A fault ends the process.
LOOP = """
import contextlib, io, json, sys
from django.db import connection
for line in sys.stdin:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(json.loads(line), {})
    connection.close()
    print(json.dumps(said.getvalue()), flush=True)
"""


@dataclass(frozen=True)
class Interpreter:
    process: asyncio.subprocess.Process

    async def run(self, code: str) -> str:
        """Return what the code prints."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps(code)}\n".encode())
        line = await asyncio.wait_for(self.process.stdout.readline(), START_SECONDS)
        assert line, f"the code failed, stderr says why: {code}"
        output = str(json.loads(line))
        assert_no_secrets(output)
        return output


@asynccontextmanager
async def interpreter(installation: Installation) -> AsyncIterator[Interpreter]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, MANAGE, "shell", "--no-imports", "-c", LOOP),
        env=installation.environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Interpreter(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), START_SECONDS)
