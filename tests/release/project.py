"""The files of the project, as git knows them."""

import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Project:
    root: Path
    files: tuple[str, ...]  # below the root

    @classmethod
    def of_git(cls, root: Path) -> "Project":
        return cls(root, tuple(git(root, "ls-files", "-z").rstrip("\0").split("\0")))

    def read(self, name: str) -> str:
        return (self.root / name).read_text("utf-8", errors="replace")

    def metadata(self) -> dict[str, Any]:
        """Of pyproject.toml."""
        found: dict[str, Any] = tomllib.loads(self.read("pyproject.toml"))["project"]
        return found

    def lines(self) -> Iterator[tuple[str, str]]:
        """`file:number` and text of each line of each text file."""
        for name in self.files:
            if (self.root / name).is_file() and b"\0" not in (self.root / name).read_bytes():
                for number, line in enumerate(self.read(name).splitlines(), 1):
                    yield f"{name}:{number}", line


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout
