"""Which commit is deployed, and from where."""

import tarfile
from pathlib import Path

import pytest

from config.deploy.rollout.exceptions import Failure
from config.deploy.rollout.source import archived
from tests.deploy.checkout import Checkout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Two commits, the first of which has the tag v1; fab would be run in it."""
    checkout = Checkout(tmp_path / "checkout", tmp_path)
    checkout.folder.mkdir()
    monkeypatch.chdir(checkout.folder)
    checkout.git("init", "--quiet", "--initial-branch=main")
    (checkout.folder / "file").write_text("first")
    checkout.commit("First")
    checkout.git("tag", "v1")
    (checkout.folder / "file").write_text("second")
    checkout.commit("Second")
    return checkout


def content(archive: Path) -> bytes:
    with tarfile.open(archive) as tar:
        file = tar.extractfile("file")
        assert file is not None
        return file.read()


def test_this_checkout_gives_what_is_committed_and_tells_of_the_rest(checkout: Checkout) -> None:
    with archived(".", "main") as source:
        assert (source.subject, source.is_all) == ("Second", True)
    (checkout.folder / "file").write_text("third")
    with archived(".", "main") as source:
        assert (content(source.archive), source.is_all) == (b"second", False)


@pytest.mark.parametrize("repository", [".", "another"])
def test_a_tag_and_a_commit_may_be_named(
    checkout: Checkout, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = checkout.git("rev-parse", "v1")
    if repository == "another":
        monkeypatch.chdir(tmp_path)
        repository = str(checkout.folder)
    for ref in ("v1", first):
        with archived(repository, ref) as source:
            assert (source.commit, content(source.archive)) == (first, b"first")


@pytest.mark.parametrize(
    ("repository", "ref", "problem"),
    [
        (".", "v2", "git rev-parse: 'v2' is no branch, tag or commit of "),
        (".", "--all", "git rev-parse: "),
        ("nowhere", "main", "git fetch: "),
    ],
)
def test_what_is_not_there_is_told(
    checkout: Checkout, repository: str, ref: str, problem: str
) -> None:
    with pytest.raises(Failure) as failure, archived(repository, ref):
        pass
    assert str(failure.value).startswith(problem)
