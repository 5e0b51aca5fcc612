"""The service's processes on this machine, as /proc has them, and what they may open."""

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
FILES = "Max open files"
UNLIMITED = 2**30  # what the kernel calls unlimited is no more than this


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    files: int  # open just now
    most_files: int

    @property
    def fullness(self) -> float:
        return max(self.files, 1) / self.most_files


def own_limit() -> int:
    """Return how many files a process may open that is started like this one."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def running(proc: Path = PROC) -> Iterator[Process]:
    """Every `manage.py serve` that this user may look at."""
    for folder in proc.glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"serve" not in words or not any(word.endswith(b"manage.py") for word in words):
                continue
            files = sum(1 for _ in (folder / "fd").iterdir())
            most = _most_files((folder / "limits").read_text())
        except OSError:  # it has just ended, or is another user's
            continue
        yield Process(int(folder.name), files, most)


def _most_files(limits: str) -> int:
    """Return the soft limit.

    >>> _most_files("Max processes   7823  7823  processes\\nMax open files  1024  4096  files\\n")
    1024
    """
    line = next(each for each in limits.splitlines() if each.startswith(FILES))
    soft = line.removeprefix(FILES).split()[0]
    return int(soft) if soft.isdecimal() else UNLIMITED
