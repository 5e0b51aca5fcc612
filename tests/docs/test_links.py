"""Every link of the documentation leads somewhere, and every file that it names is there."""

import posixpath
import re

import pytest

from sioweb_project.config import PROJECT_DIR
from tests.docs.pages import Link, all_pages, anchors, inline_code, links, read, tokens

ELSEWHERE = re.compile(r"https?://|mailto:")
FOLDERS = "tests|docs|delivery|sites|sioweb_project|requirements|config"
FILE = re.compile(rf"(?:{FOLDERS})/[\w./-]+\.\w+")
# docs/delivery.md names many, and leaves out the folder of all but the first.
TEST = re.compile(r"test_\w+\.py")
TEST_FOLDERS = ("tests/delivery", "tests/e2e")
# Written by users, or by a run.
MADE_BY_USERS = {"config/fabfile.py"}


@pytest.mark.parametrize("page", all_pages())
def test_every_link_leads_to_a_file_or_folder_and_a_heading(page: str) -> None:
    broken = [str(link) for link in links(page) if not is_whole(link)]
    assert broken == []


@pytest.mark.parametrize("page", all_pages())
def test_every_file_that_is_named_is_there(page: str) -> None:
    named = [(line, text) for line, text in inline_code(page) if FILE.fullmatch(text)]
    lost = [each for each in named if not (PROJECT_DIR / each[1]).exists()]
    assert [each for each in lost if each[1] not in MADE_BY_USERS] == []


@pytest.mark.parametrize("page", all_pages())
def test_every_test_that_is_named_without_a_folder_is_there(page: str) -> None:
    named = [(line, text) for line, text in inline_code(page) if TEST.fullmatch(text)]
    assert [each for each in named if not is_test(each[1])] == []


@pytest.mark.parametrize("page", all_pages())
def test_lists_are_read_alike_by_github_and_by_the_site(page: str) -> None:
    """Python-Markdown wants an empty line before a list, and four columns for one within."""
    lines = ["", *read(page).splitlines()]
    for token in tokens(page):
        if token.type.endswith("list_open") and token.map:
            first = token.map[0] + 1
            indent = len(lines[first]) - len(lines[first].lstrip())
            if token.level == 0:
                assert not lines[first - 1].strip(), f"{page}:{first}: no empty line before it"
            else:
                assert indent % 4 == 0, f"{page}:{first}: by {indent} columns"


def is_test(name: str) -> bool:
    return any((PROJECT_DIR / folder / name).exists() for folder in TEST_FOLDERS)


def is_whole(link: Link) -> bool:
    if ELSEWHERE.match(link.target):
        return True
    path, _, anchor = link.target.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(link.page), path))
    if not path:
        target = link.page
    if not (PROJECT_DIR / target).exists():
        return False
    return not anchor or anchor in anchors(target)
