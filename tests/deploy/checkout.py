"""What somebody who deploys has: a git checkout of the service, with a fabfile of their own."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.service import PROJECT

PARTS = ("config", "delivery", "requirements", "sioweb_project", "sites")
FAB = str(Path(sys.executable).with_name("fab"))
FAB_SECONDS = 300.0
COMMITTER = {
    "GIT_AUTHOR_NAME": "Anna",
    "GIT_AUTHOR_EMAIL": "anna@example.net",
    "GIT_COMMITTER_NAME": "Anna",
    "GIT_COMMITTER_EMAIL": "anna@example.net",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
}


@dataclass(frozen=True)
class Ended:
    code: int
    output: str


@dataclass(frozen=True)
class Checkout:
    folder: Path
    home: Path

    @classmethod
    def create(cls, folder: Path, home: Path) -> "Checkout":
        """The service as it stands in this working tree."""
        for part in PARTS:
            ignored = shutil.ignore_patterns("__pycache__", "node_modules")
            shutil.copytree(PROJECT / part, folder / part, ignore=ignored)
        for file in ("manage.py", ".gitignore"):
            shutil.copy(PROJECT / file, folder)
        checkout = cls(folder, home)
        checkout.git("init", "--quiet", "--initial-branch=main")
        checkout.commit("First release")
        return checkout

    def write_fabfile(self, settings: Mapping[str, str]) -> None:
        """Copy the example and edit it: by setting, the Python text that stands there then."""
        text = (self.folder / "config/fabfile.py.example").read_text()
        for name, value in settings.items():
            line = f'        "{name}": {value},'
            text, count = re.subn(rf'^        "{name}": .*$', lambda _: line, text, flags=re.M)  # noqa: B023
            if not count:
                text = text.replace("    },\n}\n", f"{line}\n    }},\n}}\n")
        (self.folder / "fabfile.py").write_text(text)

    def commit(self, subject: str) -> str:
        """Commit all that stands there; return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={subject}")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        answer = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            env=os.environ | COMMITTER, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()

    async def start_fab(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(FAB, *arguments),
            cwd=self.folder,
            env=os.environ | {"HOME": str(self.home), "SSH_AUTH_SOCK": ""},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def fab(self, *arguments: str) -> Ended:
        process = await self.start_fab(*arguments)
        try:
            output, _ = await asyncio.wait_for(process.communicate(), FAB_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
        return Ended(process.returncode or 0, output.decode())
