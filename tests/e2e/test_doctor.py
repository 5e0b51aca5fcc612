"""`manage.py doctor` from outside, where something is wrong; `test_backup` has it where all is
well, `tests/sioweb_project/doctor` each fault."""

import asyncio
import json
import sys

from tests.e2e.leaks import assert_no_secrets
from tests.e2e.service import MANAGE, Service
from tests.e2e.waiting import WAIT_SECONDS


async def test_doctor_names_fault_and_mend_and_ends_with_1(service: Service) -> None:
    """The Redis of these tests writes to no file."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, MANAGE, "doctor", "--json",
        env=service.installation.environment(),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 2 * WAIT_SECONDS)
    assert process.returncode == 1
    assert_no_secrets(output.decode())
    report = json.loads(output)
    assert report["ok"] is False
    [finding] = [each for each in report["findings"] if each["subject"] == "redis persistence"]
    assert finding["level"] == "FAIL"
    assert finding["mend"].startswith("redis-cli CONFIG SET appendonly yes")
