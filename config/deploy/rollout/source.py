"""What is deployed: a commit of a git repository, as an archive. Uses the local git alone."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from config.deploy.rollout.exceptions import Failure

LOCAL = "."


@dataclass(frozen=True)
class Source:
    commit: str  # 40 digits
    subject: str
    archive: Path
    is_all: bool = True  # False = there are changes that were not committed

    @property
    def short_commit(self) -> str:
        return self.commit[:10]


@contextmanager
def archived(repository: str, ref: str) -> Iterator[Source]:
    """The commit that `ref` names in the repository, for as long as the block lasts."""
    with TemporaryDirectory(prefix="sioweb-deploy-") as folder:
        checkout = Path()
        if repository != LOCAL:
            checkout = Path(folder) / "repository"
            _git(Path(), "init", "--quiet", "--bare", str(checkout))
            _git(checkout, "fetch", "--quiet", "--depth=1", "--", repository, ref)
            ref = "FETCH_HEAD"
        commit = _git(checkout, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", of=ref)
        archive = Path(folder) / "release.tar.gz"
        _git(checkout, "archive", "--format=tar.gz", f"--output={archive}", commit)
        subject = _git(checkout, "log", "-1", "--format=%s", commit)
        is_local = repository == LOCAL
        changes = is_local and _git(checkout, "status", "--porcelain", "--untracked-files=no")
        yield Source(commit, subject, archive, is_all=not changes)


def _git(folder: Path, *arguments: str, of: str = "") -> str:
    """Run it in the folder; return what it says. Raises Failure."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603, no shell
    except FileNotFoundError as error:
        raise Failure("git is not installed on this machine") from error
    if answer.returncode:
        reason = (
            answer.stderr.strip() or f"{of!r} is no branch, tag or commit of {folder.resolve()}"
        )
        raise Failure(f"git {arguments[0]}: {reason}")
    return answer.stdout.strip()
