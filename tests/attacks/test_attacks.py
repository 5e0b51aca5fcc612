"""A short form of `make attacks`: what must come of some, however long it takes."""

import dataclasses
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.attacks.arena import Arena, Result
from tests.attacks.catalogue import ATTACKS
from tests.attacks.table import BEGIN, write_page

SOME = (
    *("length-and-chunks", "endless-chunks-elsewhere", "foreign-host", "key-guessing"),
    *("gzip-bomb", "log-injection", "two-lengths", "auth-url-with-a-bomb", "foreign-origin"),
    *("fragments-past-the-limit", "compressed-frames", "foreign-acks", "thousands-of-packets"),
    *("thousands-of-namespaces", "upgrade-race", "path-traversal", "forged-forms"),
)
PAGE = Path(__file__).parents[2] / "docs" / "security.md"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def arena(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Arena]:
    async with Arena.open(tmp_path_factory.mktemp("arena"), is_timed=False) as arena:
        yield arena


@pytest.mark.asyncio(loop_scope="module")
async def test_some_attacks_come_to_what_they_are_meant_to(arena: Arena) -> None:
    results = [await arena.face(ATTACKS[name], 0.0) for name in SOME]
    problems = {each.attack.name: each.problems for each in results if each.problems}
    assert not problems
    assert sum(each.messages for each in results)  # of the bystander, who lost none


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_not_meant_to_happen_is_found(arena: Arena) -> None:
    surprised = dataclasses.replace(ATTACKS["gzip-bomb"], expected=frozenset({"200"}))
    result = await arena.face(surprised, 0.0)
    assert result.problems == ["unexpected: 415"]


def test_the_page_holds_a_line_for_each_result_and_keeps_the_rest(tmp_path: Path) -> None:
    page = tmp_path / "security.md"
    page.write_text(PAGE.read_text())
    attack = ATTACKS["gzip-bomb"]
    results = [Result(attack, Counter({"415": 1234}), 12.3, 150, 140.0, ["p99 300 ms"])]
    for _ in range(2):
        write_page(page, results)
    text = page.read_text()
    assert text.count("| gzip-bomb |") == 1
    assert "| 415 x1,234 **p99 300 ms** |" in text
    assert text.startswith(PAGE.read_text().partition(BEGIN)[0])


def test_each_attack_says_what_it_tries_and_the_page_of_the_repository_knows_it() -> None:
    assert len(ATTACKS) >= 60
    assert all(each.sentence.endswith(".") and each.stopped_by for each in ATTACKS.values())
