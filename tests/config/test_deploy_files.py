"""`config/deploy/`: what the programs that read these files say of them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.needs import missing
from tests.redis_process import RedisProcess, ending, require_redis

DEPLOY = Path(__file__).parents[2] / "config" / "deploy"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    if not shutil.which("logrotate"):
        missing("Debian's logrotate")
    logs = tmp_path / "log"
    logs.mkdir(mode=0o755)
    (logs / "access.log").write_text("a line\n")
    return logs


def test_logrotate_turns_the_site_s_logs_over(logs: Path, tmp_path: Path) -> None:
    rotation = (DEPLOY / "logrotate").read_text()
    told = tmp_path / "told"
    for part, own in {
        "/var/log/sioweb": str(logs),
        "create 0640 www-data adm": f"create 0640 {os.getuid()} {os.getgid()}",
        "invoke-rc.d nginx rotate >/dev/null 2>&1": f"touch {told}",
    }.items():
        assert part in rotation
        rotation = rotation.replace(part, own)
    (tmp_path / "conf").write_text(rotation)
    command = ["logrotate", "--force", "--state", str(tmp_path / "state"), str(tmp_path / "conf")]
    subprocess.run(command, check=True, timeout=60)
    assert (logs / "access.log.1").read_text() == "a line\n"
    assert (logs / "access.log").read_text() == ""
    assert told.exists()


async def test_redis_keeps_what_waits_and_throws_nothing_away(tmp_path: Path) -> None:
    require_redis()
    server = RedisProcess(tmp_path / "redis", (DEPLOY / "redis.conf").read_text(), password="")
    with ending([server]):
        await server.start()
        for name, value in {"appendonly": "yes", "maxmemory-policy": "noeviction"}.items():
            assert await server.command("CONFIG", "GET", name) == {name: value}
