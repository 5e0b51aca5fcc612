"""A real sshd on 127.0.0.1, and the home of somebody who may log in there by `ssh server`."""

import asyncio
import getpass
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.e2e.waiting import until
from tests.needs import missing
from tests.redis_process import free_port

SERVER = "server"  # what the user calls it
SSHD = "/usr/sbin/sshd"
PRIVILEGE_SEPARATION = Path("/run/sshd")  # asked for when root starts it
STOP_SECONDS = 10.0
# Variables that tell pip and uv where packages are.
HANDED_ON = ("PIP_", "UV_", "SSL_CERT", "REQUESTS_CA", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
OF_PACKAGES = (".cache", ".config", ".pip")  # files that do, and what was fetched already
SSHD_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
SetEnv {variables}
"""
SSH_CONFIG = """
Host {server}
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {folder}/user_key
"""


def require_sshd() -> None:
    """Skip the test where something is missing; in CI that is a failure."""
    if not Path(SSHD).exists():
        missing("Debian's openssh-server")
    for program in ("git", "flock", "ssh-keygen"):
        if not shutil.which(program):
            missing(f"the program {program}")


@asynccontextmanager
async def sshd(folder: Path, programs: Path) -> AsyncIterator[Path]:
    """The home of the user. Commands on the server find `programs` first."""
    require_sshd()
    port = free_port()
    _prepare(folder, port, programs)
    process = await asyncio.create_subprocess_exec(
        *(SSHD, "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "log")),
    )
    try:
        await _until_it_answers(port, process, folder)
        yield _home(folder, port)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), STOP_SECONDS)


def _prepare(folder: Path, port: int, programs: Path) -> None:
    folder.mkdir()
    for key in ("host_key", "user_key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(command, check=True)
    if os.geteuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(exist_ok=True)
    variables = {k: v for k, v in os.environ.items() if k.upper().startswith(HANDED_ON)}
    variables["PATH"] = f"{programs}:{os.environ['PATH']}"
    variables["HOME"] = str(folder / "home")  # a shell there reads no files of who runs the tests
    text = " ".join(f'"{name}={value}"' for name, value in variables.items())
    config = SSHD_CONFIG.format(port=port, folder=folder, variables=text)
    (folder / "sshd_config").write_text(config)


def _home(folder: Path, port: int) -> Path:
    home = folder / "home"
    (home / ".ssh").mkdir(parents=True)
    for own in filter(Path.exists, map(Path.home().joinpath, OF_PACKAGES)):
        (home / own.name).symlink_to(own)
    host_key = (folder / "host_key.pub").read_text()
    (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    config = SSH_CONFIG.format(server=SERVER, port=port, user=getpass.getuser(), folder=folder)
    (home / ".ssh/config").write_text(config)
    return home


async def _until_it_answers(port: int, process: asyncio.subprocess.Process, folder: Path) -> None:
    async def does() -> bool:
        assert process.returncode is None, (folder / "log").read_text()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        greeting = await reader.readline()
        writer.close()
        return greeting.startswith(b"SSH-")

    await until(does, "sshd answers")
