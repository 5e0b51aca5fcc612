"""This machine: open files, the kernel's settings, disk space."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from sioweb_project.doctor import processes
from sioweb_project.doctor.database import is_of_this_machine
from sioweb_project.doctor.findings import Finding, fail, ok, warn

FEW_FILES = 4096  # a client is a file
FULL = 0.8
MEBIBYTE = 1024 * 1024
LEAST_DISK_BYTES = 256 * MEBIBYTE
LITTLE_DISK_BYTES = 1024 * MEBIBYTE
SYSCTL = Path("/proc/sys")
LEAST_BACKLOG = 1024  # connections that wait to be accepted
LEAST_PORTS = 28_000  # what Linux gives; each client behind a proxy of this machine takes one
RAISE_FILES = "LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536 before the start; restart."


def examine() -> list[Finding]:
    found = [*_files(), *look_at_kernel(SYSCTL)]
    return [*found, look_at_disk(settings.CONFIG.data_dir)]


def _files() -> Iterator[Finding]:
    """Of the process that is nearest to its end."""
    running = list(processes.running())
    if not running:
        yield look_at_files(0, processes.own_limit(), "a service started from here")
        return
    fullest = max(running, key=lambda process: process.fullness)
    yield look_at_files(fullest.files, fullest.most_files, f"process {fullest.pid}")


def look_at_files(used: int, most: int, who: str) -> Finding:
    text = f"{who} may open {most} files, one for each client, and has {used}"
    if used > FULL * most:
        return fail("open files", text, RAISE_FILES)
    return warn("open files", text, RAISE_FILES) if most < FEW_FILES else ok("open files", text)


def look_at_kernel(root: Path) -> Iterator[Finding]:
    """`root` is the folder of the kernel's settings; elsewhere than on Linux there is none."""
    if backlog := _numbers(root / "net/core/somaxconn"):
        yield _setting(
            "net.core.somaxconn",
            backlog[0],
            4096,
            is_good=backlog[0] >= LEAST_BACKLOG,
            why="clients that come back all at once are turned away",
        )
    if ports := _numbers(root / "net/ipv4/ip_local_port_range"):
        low, high = ports
        yield _setting(
            "net.ipv4.ip_local_port_range",
            f"{low} {high}",
            '"10240 65535"',
            is_good=high - low >= LEAST_PORTS,
            why="a proxy on this machine needs one port for each client",
        )
    url = settings.CONFIG.redis.url
    overcommit = _numbers(root / "vm/overcommit_memory")
    if overcommit and (url is None or is_of_this_machine(url)):
        yield _setting(
            "vm.overcommit_memory",
            overcommit[0],
            1,
            is_good=overcommit[0] == 1,
            why="Redis may not be able to write its file when memory is short",
        )


def _setting(name: str, value: object, better: object, *, is_good: bool, why: str) -> Finding:
    if is_good:
        return ok("kernel", f"{name} is {value}")
    mend = f"sysctl -w {name}={better}; and put it into /etc/sysctl.d/sioweb.conf."
    return warn("kernel", f"{name} is {value}: {why}", mend)


def look_at_disk(folder: Path) -> Finding:
    """`folder` or, as long as it is not there, the one it will be made in."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return judge_space(there, shutil.disk_usage(there).free)


def judge_space(folder: Path, free: int) -> Finding:
    text = f"{free // MEBIBYTE} MiB are free in {folder}"
    mend = f"Free some: df -h {folder}; du -xh {folder} | sort -h | tail"
    if free < LEAST_DISK_BYTES:
        return fail("disk", text, mend)
    return warn("disk", text, mend) if free < LITTLE_DISK_BYTES else ok("disk", text)


def _numbers(file: Path) -> list[int]:
    """What the kernel says, [] when it does not."""
    try:
        return [int(word) for word in file.read_text().split()]
    except OSError:
        return []
