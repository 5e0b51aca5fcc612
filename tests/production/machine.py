"""A bare Debian 12 with systemd, in a folder and namespaces of its own. Needs root.

It has the network of this machine: what listens there listens here.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
BOOT_SECONDS = 60.0
POWER_OFF = signal.SIGRTMIN + 4  # to systemd, see its manual
CERTIFICATES = "/etc/of-this-network.pem"  # where this machine has been given some, in there
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT")
PORTS = (80, 443, 1337, 1338, 5432, 6379, 9000)  # of the guide


class MachineError(Exception):
    """There is no such machine to be had here."""


def make_base(folder: Path) -> None:
    """Install what debootstrap calls Debian 12, unless it is there already."""
    if folder.exists():
        return
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["debootstrap", "bookworm", str(half)], check=True)
    half.rename(folder)


def check_ports() -> None:
    """Raises MachineError when the machine could not have one."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))  # noqa: S104
            except OSError as error:
                raise MachineError(f"Port {port} is needed: {error.strerror}") from error


@dataclass(frozen=True)
class Machine:
    root: Path
    pid: int  # of its systemd

    def run(self, script: str, seconds: float) -> int:
        """Run a bash script as root; return its exit code."""
        environment = [f"{name}={CERTIFICATES}" for name in CERTIFICATE_VARIABLES if is_given(name)]
        command = ["nsenter", "--target", str(self.pid), "--all", "env", "-i", "HOME=/root"]
        command += ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        command += [*environment, "bash", "-c", f"cd /\n{script}"]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, timeout=seconds, check=False
        ).returncode


@contextmanager
def machine(base: Path, root: Path, source: bytes) -> Iterator[Machine]:
    """A copy of `base` in the folder `root`, booted, with the tar archive `source` in
    /usr/local/src/sioweb."""
    check_ports()
    subprocess.run(["cp", "-a", str(base), str(root)], check=True)
    _prepare(root, source)
    command = ["bash", str(HERE / "boot.sh"), str(root)]
    with subprocess.Popen(command, start_new_session=True) as boot:
        try:
            pid = _until_booted(boot)
            try:
                yield Machine(root, pid)
            finally:
                os.kill(pid, POWER_OFF)
                boot.wait(BOOT_SECONDS)
        finally:
            if boot.poll() is None:
                os.killpg(boot.pid, signal.SIGKILL)  # and with them all that the machine runs


def is_given(variable: str) -> bool:
    return variable in os.environ


def _prepare(root: Path, source: bytes) -> None:
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    bundle = os.environ.get("SSL_CERT_FILE")
    if bundle:
        shutil.copy(bundle, f"{root}{CERTIFICATES}")
    folder = root / "usr" / "local" / "src" / "sioweb"
    folder.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=source, check=True)


def _until_booted(boot: "subprocess.Popen[bytes]") -> int:
    """Return the process id of its systemd. Raises MachineError."""
    end = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < end and boot.poll() is None:
        for pid in _descendants(boot.pid):
            command = ["nsenter", "--target", str(pid), "--all", "systemctl", "is-system-running"]
            if _name_of(pid) == "systemd" and _says(command) in ("running", "degraded"):
                return pid
        time.sleep(0.2)
    raise MachineError("It does not boot; are you root, and is there a cgroup2 file system?")


def _says(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _descendants(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        if _name_of(child) != "systemd":
            yield from _descendants(child)
