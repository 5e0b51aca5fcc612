"""docs/backup.md's own scripts, on a running service with a Redis that appends to a file; and
`manage.py doctor`, which has nothing to complain of in it."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sioweb_project.embedded_redis import embedded_redis_url
from tests.e2e.events import batch
from tests.e2e.installing import running, site_entries
from tests.e2e.node_client import NodeProcess
from tests.e2e.service import PROJECT, Installation, Service
from tests.e2e.site import FakeSite
from tests.e2e.waiting import WAIT_SECONDS
from tests.needs import missing

EMBEDDED = {"redis": "embedded", "port": 0}
PAGE = PROJECT / "docs" / "backup.md"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("first")
    installation = Installation.create(folder / "it", site_entries(fake_site), EMBEDDED)
    async with running(installation) as service:
        yield service


def script(name: str) -> str:
    """The block of the page that begins with this comment."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    [found] = [block for block in blocks if block.startswith(f"# {name}\n")]
    return str(found)


async def run(name: str, installation: Installation, backup: Path) -> None:
    socket = embedded_redis_url(installation.data_dir).removeprefix("unix://")
    variables = {
        "DATA": str(installation.data_dir),
        "CONFIG": str(installation.config_dir),
        "REDIS": str(installation.data_dir / "redis"),
        "REDIS_CLI": f"redis-cli -s {socket}",
        "BACKUP": str(backup),
    }
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", script(name), env=os.environ | variables
    )
    assert await asyncio.wait_for(process.wait(), WAIT_SECONDS) == 0


async def test_what_waited_is_there_after_a_restore_with_its_keys(
    service: Service, fake_site: FakeSite, node: NodeProcess, tmp_path: Path
) -> None:
    if shutil.which("redis-cli") is None:
        missing("Debian's redis-tools")
    user = fake_site.new_user()
    await service.send(user.room, "before the backup", 1)
    await run("backup", service.installation, tmp_path / "backup")
    await service.send(user.room, "after the backup", 2)
    other = Installation(tmp_path / "other")
    await run("restore", other, tmp_path / "backup")
    (other.config_dir / "sites.yml").unlink()  # the keys are those of the database
    async with running(other) as restored:
        await restored.send(user.room, "after the restore", 3)
        client = node.open(restored.namespace(token=user.token))
        event = await client.event()
        assert event == batch(["before the backup", 1], ["after the restore", 3])


async def test_doctor_says_that_all_is_well(service: Service) -> None:
    output = await service.installation.manage("doctor")
    assert "ok   redis persistence: " in output
    assert "ok   authUrl of newsite: answers 401 to a made-up token" in output
    assert "ok   backplane: an announcement went round" in output
    assert output.splitlines()[-1].endswith(" 0 FAIL")
